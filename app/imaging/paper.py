"""Photo or scan -> ink: how much darker than the paper around it each pixel is.

The paper is estimated locally (the lightest tone in a neighbourhood, smoothed), so that shadows
and falloff of light vanish; the smallest ratio over the colour channels is kept, so that coloured
pens count as ink; the result is scaled by its own percentiles.
"""

from dataclasses import dataclass
from typing import Any

import mahotas
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]

WORKING_SIDE = 384  # px, the longest side that ink is looked for at
CROP_SIDE = 128  # px, what the trunk sees
INK = 0.35  # a pixel from here on counts as ink
MARGIN = 0.08  # around the ink's box, as a share of its longer side
_PAPER_STEPS = (1, 2, 4)  # px at a quarter of the working size; together they reach
_PAPER_RADIUS = sum(_PAPER_STEPS)  # so far that fills any wider turn into paper
_LEVELS = 4096  # to which a unit of darkness is rounded for its quantiles
_FAINTEST = 0.06  # less contrast than this is no ink
_SPECK = 9  # px at the working size
_NEIGHBOURS_BEFORE = np.array([[1, 1, 1], [1, 1, 0], [0, 0, 0]])  # each pair is looked at once


@dataclass(frozen=True)
class Sheet:
    """A picture at working size, and its ink.

    ``tone`` is (h, w, 3) in 0–1, ``paper`` the local paper estimate of the same shape, ``ink``
    (h, w) in 0–1; ``scale`` is working pixels per original pixel.
    """

    tone: FloatArray
    paper: FloatArray
    ink: FloatArray
    scale: float

    @property
    def marked(self) -> BoolArray:
        """Where there is ink."""
        return self.ink >= INK


@dataclass(frozen=True)
class Crop:
    """The ink's box with its margin, squared: ``ink`` is (CROP_SIDE, CROP_SIDE) in 0–1.

    ``left``, ``top`` and ``side`` place the square on the working sheet, in its pixels; the square
    may reach beyond the sheet. ``box`` is the ink's own box there: left, top, right, bottom.
    """

    ink: FloatArray
    left: int
    top: int
    side: int
    box: tuple[int, int, int, int]


def find_ink(picture: Image.Image) -> Sheet:
    """Find the ink on an upright RGB picture."""
    working = _at_working_size(picture)
    channels = _channels(working)
    paper = np.stack([_local_paper(channel) for channel in channels])
    tone = np.stack([_in_unit_range(channel) for channel in channels])
    darkness = 1 - (tone / np.maximum(paper, np.float32(0.05))).min(axis=0)
    ink = _without_specks(_scaled(darkness), max(working.size) / WORKING_SIDE)
    return Sheet(_as_rgb(tone), _as_rgb(paper), ink, working.width / picture.width)


def crop_to_ink(sheet: Sheet) -> Crop | None:
    """Crop to the ink's box; ``None`` if there is no ink."""
    marked = sheet.marked
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    if not len(rows):
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = round(max(bottom - top, right - left, 8) * (1 + 2 * MARGIN))
    x, y = round((left + right - side) / 2), round((top + bottom - side) / 2)
    grey = Image.fromarray((sheet.ink * 255).astype(np.uint8))
    square = grey.crop((x, y, x + side, y + side)).resize(
        (CROP_SIDE, CROP_SIDE), Image.Resampling.BILINEAR
    )
    ink = np.asarray(square, np.float32) / 255
    return Crop(ink, x, y, side, (int(left), int(top), int(right), int(bottom)))


def _at_working_size(picture: Image.Image) -> Image.Image:
    shrink = WORKING_SIDE / max(picture.size)
    if shrink >= 1:
        return picture
    size = max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink))
    return picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _channels(working: Image.Image) -> list[Image.Image]:
    """Red, green and blue; only one of them if they are the same, as on line art and scans."""
    red, green, blue = working.split()
    coloured = any(ImageChops.difference(red, other).getbbox() for other in (green, blue))
    return [red, green, blue] if coloured else [red]


def _in_unit_range(channel: Image.Image) -> FloatArray:
    return np.asarray(channel) / np.float32(255)


def _as_rgb(planes: FloatArray) -> FloatArray:
    """(1 or 3, h, w) seen as (h, w, 3), without a copy: read-only."""
    return np.broadcast_to(np.moveaxis(planes, 0, -1), (*planes.shape[1:], 3))


def _local_paper(channel: Image.Image) -> FloatArray:
    quarter = max(1, channel.width // 4), max(1, channel.height // 4)
    small = np.asarray(channel.resize(quarter, Image.Resampling.BOX))
    lightest = Image.fromarray(_lightest_around(_lightest_around(small).T).T)
    smooth = lightest.filter(ImageFilter.BoxBlur(_PAPER_RADIUS))
    return _in_unit_range(smooth.resize(channel.size, Image.Resampling.BILINEAR))


def _lightest_around(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Maximum within ``_PAPER_RADIUS`` up and down, its reach doubled at every step."""
    for step in _PAPER_STEPS:
        before, values = values, values.copy()
        np.maximum(values[step:], before[:-step], out=values[step:])
        np.maximum(values[:-step], before[step:], out=values[:-step])
    return values


def _scaled(darkness: FloatArray) -> FloatArray:
    """0 at the paper's own noise, 1 at the darkest strokes of this very drawing."""
    levels = _levels(darkness)
    middle = _quantile(levels, 0.5)
    from_middle = np.abs(np.arange(len(levels)) - middle)
    noise = 1.4826 * _quantile(np.bincount(from_middle, levels), 0.5) / _LEVELS
    floor = min(middle / _LEVELS - 1 + 3 * noise + 0.02, 0.3)
    ceiling = _quantile(levels, 0.997) / _LEVELS - 1
    if ceiling - floor < _FAINTEST:
        ceiling = float(darkness.max())
    if ceiling - floor < _FAINTEST:
        return np.zeros_like(darkness)
    ink = (darkness - floor) / (ceiling - floor)
    return np.asarray(np.clip(ink, 0, 1, out=ink))


def _levels(darkness: FloatArray) -> NDArray[np.intp]:
    """How often each level occurs: the first stands for -1 or less, the last for 1."""
    level = np.maximum(darkness, -1) * _LEVELS + (_LEVELS + 0.5)
    return np.bincount(level.astype(np.intp).ravel(), minlength=2 * _LEVELS + 1)


def _quantile(counts: NDArray[Any], share: float) -> int:
    """The value below which ``share`` of the counted values lie; counting spares the sorting."""
    reached = counts.cumsum()
    return int(np.searchsorted(reached, share * reached[-1]))


def _without_specks(ink: FloatArray, relative_size: float) -> FloatArray:
    marked = ink >= INK
    if not marked.any():
        return ink
    top, bottom, left, right = mahotas.bbox(marked)
    labels, _ = labelled(marked[top:bottom, left:right])
    speck = np.bincount(labels.ravel()) < _SPECK * relative_size**2
    speck[0] = False
    if speck.any():
        ink[top:bottom, left:right][speck[labels]] = 0
    return ink


def labelled(marked: BoolArray) -> tuple[NDArray[np.int32], int]:
    """Number the pieces whose pixels touch, if only at a corner; return how many there are."""
    labels, count = mahotas.label(marked, _NEIGHBOURS_BEFORE)
    return labels, count
