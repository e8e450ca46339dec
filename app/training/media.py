"""Doodles by many media on many sheets, with the centre lines that a tracer should find.

A doodle is known by its centre lines. It is drawn with pens, pencils, crayons and paints, filled
and unfilled, put on one of ``papers``; then it is found as in any picture. The example is the ink
of its crop and the same lines drawn by one pen. No pen, fill or sheet is shared with ``sheets``, by
which the tracer is judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mahotas
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from app.errors import UnreadableDrawing
from app.imaging.marks import CROP_SIDE
from app.imaging.paper import find_drawing
from app.inference.features import Crop, crop_to_ink
from app.training.anomalies import smooth_walk
from app.training.papers import BoolArray, Grey, Rng, marked_paper, paper, seen_by_camera, smooth

PEN = 2.2  # px of a crop of CROP_SIDE: what every drawing is redrawn with
_FINE = 2  # the truth is drawn this much larger, then reduced
_SOLID = 6  # px of the larger truth: half of what is an area rather than a line
_LEAST_REGION = 0.004  # of the doodle's box: smaller regions are not filled
_TRIES = 12  # doodles, until one has several areas
_PAINTED = 0.15  # of the examples are areas of colour
_BARE = 0.04  # of the sheets have no drawing
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))

Segments = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Example:
    """``ink`` as it is read and ``strokes`` as they should be redrawn, in bytes."""

    ink: NDArray[np.uint8]
    strokes: NDArray[np.uint8]


def centre_lines(marked: BoolArray) -> Segments:
    """The lines between neighbouring pixels of a skeleton or outline, (n, 2, 2) as x, y."""
    found = []
    for down, along in _NEIGHBOURS:
        moved = np.roll(marked, (-down, -along), (0, 1))
        rows, columns = np.nonzero(marked & moved)
        inside = (rows + down < marked.shape[0]) & (columns + along < marked.shape[1])
        inside &= columns + along >= 0
        y, x = rows[inside], columns[inside]
        found.append(np.stack([np.stack([x, y], -1), np.stack([x + along, y + down], -1)], 1))
    return np.concatenate(found).astype(np.float64)


def doodle_lines(grey: Image.Image) -> Segments:
    """The centre lines of a doodle that was drawn dark on white."""
    return centre_lines(np.asarray(mahotas.thin(np.asarray(grey.convert("L")) < 128), bool))


def example(doodles: Sequence[Segments], rng: Rng) -> Example | None:
    """Make one; ``None`` if nothing is found on the picture."""
    painted = rng.random() < _PAINTED
    seen, truth = _painted(doodles, rng) if painted else _pictured(*_composed(doodles, rng), rng)
    try:
        sheet = find_drawing(seen, least=1)
    except UnreadableDrawing:
        return None
    crop = crop_to_ink(sheet)
    if crop is None:
        return None
    left, top = (corner / sheet.scale for corner in (crop.left, crop.top))
    origin = np.array([sheet.left + left, sheet.top + top])
    framed = (truth - origin) * (sheet.scale * CROP_SIDE / crop.side)
    return Example(_bytes(_jittered(crop, rng)), _bytes(drawn_by_one_pen(framed)))


def picture(doodles: Sequence[Segments], rng: Rng) -> Image.Image:
    """Make a picture as the examples are made of."""
    return _pictured(*_composed(doodles, rng), rng)[0]


def painting(doodles: Sequence[Segments], rng: Rng) -> Image.Image:
    """Make a picture of coloured areas without outlines, perhaps with ground and a sun."""
    return _painted(doodles, rng)[0]


def _painted(doodles: Sequence[Segments], rng: Rng) -> tuple[Image.Image, Segments]:
    """The picture, and the outlines of its areas."""
    size, areas = float(rng.uniform(150, 450)), list[BoolArray]()
    for _ in range(_TRIES):
        lines = _placed(doodles[int(rng.integers(len(doodles)))], size, rng)
        room = rng.uniform(0.05, 0.5, 4) * size
        width, height = (int(v) for v in np.ceil(lines.max((0, 1)) + 1 + room[:2] + room[2:]))
        areas = _enclosed(_distance(lines + room[:2], (height, width)), size, rng)
        if len(areas) > 1:
            break
    areas += _surroundings((height, width), size, rng)
    light = paper((height, width), rng)[..., None] * rng.uniform(0.9, 1, 3)
    for area in areas:
        left = rng.uniform(0, 0.9, 3) * rng.choice((0.15, 1), 3)
        light = light * (1 - _fill(area, size, rng)[..., None] * (1 - left))
    outlines = [centre_lines(_rim(area)) for area in areas]
    return seen_by_camera(light, rng), np.concatenate([np.zeros((0, 2, 2)), *outlines])


def _enclosed(distance: Grey, size: float, rng: Rng) -> list[BoolArray]:
    """What the lines enclose, region by region."""
    labels, _ = ndimage.label(_regions(distance, size, rng, share=0.9))
    return [labels == n for n in np.unique(labels)[1:9]]


def _surroundings(shape: tuple[int, int], size: float, rng: Rng) -> list[BoolArray]:
    """Perhaps ground, perhaps a sun."""
    areas = []
    y, x = np.mgrid[: shape[0], : shape[1]]
    if rng.random() < 0.4:
        top = rng.uniform(0.6, 0.85) * shape[0]
        areas.append((y > top) & (y < top + rng.uniform(0.05, 0.3) * shape[0]))
    if rng.random() < 0.4:
        centre = rng.uniform(0.1, 0.9, 2) * (shape[1], 0.4 * shape[0])
        areas.append(np.hypot(x - centre[0], y - centre[1]) < rng.uniform(0.04, 0.12) * size)
    return areas


def drawn_by_one_pen(lines: Segments) -> Grey:
    """Draw centre lines in the crop's pixels with the one pen; areas become outlines."""
    distance = _distance(lines * _FINE, (CROP_SIDE * _FINE, CROP_SIDE * _FINE))
    ink = np.clip(PEN * _FINE / 2 + 0.5 - distance, 0, 1)
    merged = distance <= PEN * _FINE / 2 + 0.5
    if merged.mean() > 0.02:
        ink = _outlined(ink, merged)
    side = CROP_SIDE
    return np.asarray(ink.reshape(side, _FINE, side, _FINE).mean((1, 3)))


def _outlined(ink: Grey, merged: BoolArray) -> Grey:
    inner = ndimage.distance_transform_edt(merged) > _SOLID
    if not inner.any():
        return ink
    solid = ndimage.distance_transform_edt(~inner) <= _SOLID
    depth = np.asarray(ndimage.distance_transform_edt(solid), np.float32)
    rim = np.clip(PEN * _FINE / 2 + 0.5 - np.abs(depth - PEN * _FINE / 2), 0, 1)
    return np.where(depth > 1, rim, ink)


def _jittered(crop: Crop, rng: Rng) -> Grey:
    return crop.ink if rng.random() < 0.7 else np.clip(crop.ink * rng.uniform(0.7, 1.3), 0, 1)


def _distance(lines: Segments, shape: tuple[int, int]) -> Grey:
    """How far each pixel lies from the nearest line, in px."""
    mask = Image.new("1", (shape[1], shape[0]))
    pen = ImageDraw.Draw(mask)
    for (a, b), (c, d) in lines.tolist():
        pen.line((a, b, c, d), fill=1)
    at = np.asarray(mask)
    if not at.any():
        return np.full(shape, 1e3, np.float32)
    return np.asarray(ndimage.distance_transform_edt(~at), np.float32)


def _composed(doodles: Sequence[Segments], rng: Rng) -> tuple[Segments, float]:
    """One doodle, sometimes with another in or beside it, or scribbles; and its size in px."""
    size = float(np.exp(rng.uniform(np.log(40), np.log(600))))
    lines = _placed(doodles[int(rng.integers(len(doodles)))], size, rng)
    while rng.random() < 0.3:
        other = _placed(
            doodles[int(rng.integers(len(doodles)))], size * rng.uniform(0.15, 0.7), rng
        )
        lines = np.concatenate([lines, other + rng.uniform(0, 0.7, 2) * size])
    if rng.random() < 0.2:
        lines = np.concatenate([lines, _scribble(size, rng)])
    return lines, size


def _placed(lines: Segments, size: float, rng: Rng) -> Segments:
    """Turned, leaned and stretched, its box ``size`` long and its corner at 0."""
    turn, lean = rng.normal(0, 0.2), rng.normal(0, 0.1)
    wide, high = np.exp(rng.normal(0, 0.15, 2))
    c, s = np.cos(turn), np.sin(turn)
    moved = lines @ np.array([[c * wide, s * high], [lean - s * wide, c * high]])
    low, long = moved.min((0, 1)), max(float(np.ptp(moved, axis=(0, 1)).max()), 1.0)
    return np.asarray((moved - low) * (size / long))


def _scribble(size: float, rng: Rng) -> Segments:
    """A smoothed random walk, or back and forth as in hatching."""
    if rng.random() < 0.5:
        walk = smooth_walk(rng, (40, 300), 8)
    else:
        count = int(rng.integers(6, 40))
        across = np.tile((0.0, 1.0), count)[:count] + rng.normal(0, 0.08, count)
        walk = np.stack(
            [across * rng.uniform(8, 40), np.arange(count) + rng.normal(0, 0.2, count)], 1
        )
        angle = rng.uniform(0, np.pi)
        walk = walk @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    walk = (walk - walk.min(0)) / (np.ptp(walk, axis=0).max() + 1e-6)
    walk = walk * rng.uniform(0.15, 0.6) * size + rng.uniform(0, 0.6, 2) * size
    return np.stack([walk[:-1], walk[1:]], 1)


def _pictured(lines: Segments, size: float, rng: Rng) -> tuple[Image.Image, Segments]:
    """The doodle on a sheet as a camera or scanner sees it, and its centre lines there."""
    room = np.exp(rng.uniform(np.log(0.02), np.log(0.9), 4)) * size
    extent = lines.max((0, 1)) + 1
    lines = lines + room[:2]
    width, height = (int(v) for v in np.ceil(extent + room[:2] + room[2:]))
    layers, truth = _drawn(lines, (height, width), size, rng)
    if rng.random() < _BARE:
        layers, truth = [], truth[:0]
    return seen_by_camera(_inked(marked_paper((height, width), rng), layers, rng), rng), truth


def _inked(tone: Grey, layers: Sequence[Grey], rng: Rng) -> Grey:
    """Let each layer of ink take its part of the light, (h, w, 1 or 3); some are coloured."""
    coloured = rng.random() < 0.4
    light = tone[..., None] * (rng.uniform(0.7, 1, 3) if coloured and rng.random() < 0.4 else 1)
    for darkness in layers:
        left = rng.uniform(0, 1, 3) if coloured else rng.uniform(0, 0.5, 1)
        left = left - left.min() * rng.uniform(0.3, 1)
        light = light * (1 - darkness[..., None] * (1 - left))
    return np.asarray(light)


def _drawn(
    lines: Segments, shape: tuple[int, int], size: float, rng: Rng
) -> tuple[list[Grey], Segments]:
    """Where fills and strokes take light away, each (h, w) in 0–1, and the lines to be seen."""
    distance = _distance(lines, shape)
    filled = rng.random()
    regions = _regions(distance, size, rng) if filled < 0.5 else np.zeros(shape, bool)
    if filled < 0.1 and regions.any():
        return [_fill(regions, size, rng)], centre_lines(_rim(regions))
    fill = [_fill(regions, size, rng)] if regions.any() else []
    pen = np.exp(rng.uniform(np.log(0.005), np.log(0.1))) * size
    wobble = 1 + rng.uniform(0, 0.3) * smooth(shape, rng.uniform(0.02, 0.1) * size, rng)
    ink = np.clip(np.maximum(pen * wobble, 1.1) / 2 + 0.5 - distance, 0, 1)
    if rng.random() < 0.35:
        ink = _grained(ink, rng)
    ink = ink * (1 - rng.uniform(0, 0.5) * (smooth(shape, 0.1 * size, rng) > 0.3))
    return [*fill, ink * rng.uniform(0.25, 1)], lines


def _rim(regions: BoolArray) -> BoolArray:
    return np.asarray(regions & ~ndimage.binary_erosion(regions))


def _regions(distance: Grey, size: float, rng: Rng, share: float = 0.6) -> BoolArray:
    """Some of the regions that the lines enclose."""
    labels, count = ndimage.label(distance > rng.uniform(0.8, 2))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    outside = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    able = np.setdiff1d(np.flatnonzero(sizes > _LEAST_REGION * size**2), [0, *outside])
    chosen = [one for one in able if rng.random() < share]
    return np.isin(labels, chosen)


def _fill(regions: BoolArray, size: float, rng: Rng) -> Grey:
    """Crayon, marker or paint over the regions, a little beyond or within them."""
    reach = rng.uniform(-0.01, 0.012) * size
    edge = ndimage.distance_transform_edt(~regions) - ndimage.distance_transform_edt(regions)
    area = np.clip(reach - edge + 0.5, 0, 1) * rng.uniform(0.12, 0.95)
    kind = rng.random()
    if kind < 0.4:
        return np.asarray(area * (1 - rng.uniform(0.1, 0.5) * _hatching(regions.shape, size, rng)))
    if kind < 0.7:
        return _grained(area, rng)
    return np.asarray(area)


def _hatching(shape: tuple[int, int], size: float, rng: Rng) -> Grey:
    """Stripes at one angle, 1 where the crayon left the paper bare."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    angle, step = rng.uniform(0, np.pi), rng.uniform(0.012, 0.04) * size
    wave = np.sin(
        2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / step
        + 2 * smooth(shape, 0.1 * size, rng)
    )
    return np.asarray(np.clip(wave, 0, 1))


def _grained(ink: Grey, rng: Rng) -> Grey:
    """As on rough paper, which a pencil or crayon leaves bare in places."""
    grain = smooth(ink.shape, rng.uniform(0.4, 1.2), rng)
    return np.asarray(ink * np.clip(rng.uniform(0.6, 1.1) + rng.uniform(0.2, 0.6) * grain, 0, 1))


def _bytes(values: Grey) -> NDArray[np.uint8]:
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
