"""Made anomalies: real drawings spoilt in known ways, to learn from and to be judged by.

Sheets are ink (h, w) in 0–1, ink = 1, 300 px as a rule. Whatever is added is drawn with the host's
own pen: collections differ in pen width, and an anomaly that has another pen is found by its pen.
"""

from dataclasses import dataclass

import mahotas
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from app.imaging.paper import INK
from app.scoring.norms import FloatArray

Rng = np.random.Generator
BoolArray = NDArray[np.bool_]
_FINE = 4  # strokes are drawn this much larger, then reduced
_FOREIGN = 0.3  # added ink from here on counts as such


@dataclass(frozen=True)
class Pen:
    """``width`` in px; ``softness`` is the spread of its edge (Gaussian σ, px)."""

    width: float
    softness: float


@dataclass(frozen=True, eq=False)
class Spoilt:
    """A sheet with an anomaly; ``foreign`` (h, w) marks the ink that was added to it."""

    ink: FloatArray
    foreign: BoolArray


def measured_pen(ink: FloatArray) -> Pen:
    """Measure the strokes along their ridges, where the distance to the paper is largest."""
    marked = ink >= INK
    if not marked.any():
        return Pen(3.0, 0.5)
    depth = np.asarray(ndimage.distance_transform_cdt(marked, "chessboard"), np.float32)
    ridge = marked & (depth >= ndimage.maximum_filter(depth, 3))
    edges = marked & (depth <= 1)
    blurred = float(((ink > 0.1) & (ink < 0.9)).sum()) / max(1.0, float(edges.sum()))
    width = max(1.0, 2 * float(np.median(depth[ridge])) - 0.5)
    return Pen(width, float(np.clip((blurred - 0.9) / 2.56, 0, 2)))


def half_erased(ink: FloatArray, rng: Rng) -> Spoilt:
    """One half of the ink's box painted white."""
    top, bottom, left, right = ink_box(ink)
    x, y = (left + right) // 2, (top + bottom) // 2
    halves = (np.s_[:y, :], np.s_[y:, :], np.s_[:, :x], np.s_[:, x:])
    return _erased(ink, halves[int(rng.integers(4))])


def patch_erased(ink: FloatArray, rng: Rng) -> Spoilt:
    """A box of 40 % of the ink's box, centred on ink, painted white."""
    top, bottom, left, right = ink_box(ink)
    rows, columns = np.nonzero(ink >= INK)
    place = int(rng.integers(len(rows)))
    high, wide = round(0.2 * (bottom - top)) + 1, round(0.2 * (right - left)) + 1
    y, x = int(rows[place]), int(columns[place])
    return _erased(ink, np.s_[max(0, y - high) : y + high, max(0, x - wide) : x + wide])


def scribbled(ink: FloatArray, rng: Rng) -> Spoilt:
    """One to three smoothed random walks over 25–80 % of the sheet."""
    pen = measured_pen(ink)
    walks = [_walk(ink.shape, pen, rng) for _ in range(rng.integers(1, 4))]
    return _added(ink, np.maximum.reduce(walks))


def intruded(ink: FloatArray, other: FloatArray, rng: Rng) -> Spoilt:
    """Another drawing's ink, 28–42 % of the side, redrawn with the host's pen, over the host."""
    pen = measured_pen(ink)
    side = round(rng.uniform(0.28, 0.42) * max(ink.shape))
    guest = redrawn(cropped(other, side), pen)
    top, bottom, left, right = ink_box(ink)
    sheet = np.zeros_like(ink)
    y = _start(rng.uniform(top, bottom), guest.shape[0], ink.shape[0])
    x = _start(rng.uniform(left, right), guest.shape[1], ink.shape[1])
    sheet[y : y + guest.shape[0], x : x + guest.shape[1]] = guest
    return _added(ink, sheet)


def scribble(rng: Rng) -> NDArray[np.float64]:
    """The points of a smoothed random walk over 25–80 % of a sheet, (n, 2) in 0–1."""
    walk = smooth_walk(rng, (60, 400), 9)
    walk = (walk - walk.min(0)) / (np.ptp(walk, axis=0) + 1e-6)
    reach = rng.uniform(0.25, 0.8, 2)
    return np.asarray(rng.uniform(0, 1, 2) * (1 - reach) + walk * reach)


def smooth_walk(rng: Rng, steps: tuple[int, int], smoothest: float) -> NDArray[np.float64]:
    """The points of a random walk, (n, 2); ``smoothest`` is its longest spread, in steps."""
    walk = np.cumsum(rng.normal(size=(int(rng.integers(*steps)), 2)), axis=0)
    return np.asarray(ndimage.gaussian_filter1d(walk, rng.uniform(1.5, smoothest), axis=0))


def turned(ink: FloatArray, quarters: int) -> Spoilt:
    """Rotated by quarter turns; two are upside down."""
    ink = np.ascontiguousarray(np.rot90(ink, quarters))
    return Spoilt(ink, np.zeros(ink.shape, bool))


def ink_box(ink: FloatArray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of the ink; the whole sheet if there is none."""
    rows, columns = np.flatnonzero((ink >= INK).any(1)), np.flatnonzero((ink >= INK).any(0))
    if not len(rows):
        return 0, ink.shape[0], 0, ink.shape[1]
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def cropped(ink: FloatArray, longer: int) -> FloatArray:
    """Crop to the ink and scale its longer side to ``longer`` pixels."""
    top, bottom, left, right = ink_box(ink)
    part = Image.fromarray((ink[top:bottom, left:right] * 255).astype(np.uint8))
    factor = longer / max(part.size)
    size = (max(1, round(part.width * factor)), max(1, round(part.height * factor)))
    return np.asarray(part.resize(size, Image.Resampling.BILINEAR), np.float32) / 255


def redrawn(ink: FloatArray, pen: Pen) -> FloatArray:
    """Thin the strokes and draw them again with ``pen``, on a sheet with room for its width."""
    room = int(np.ceil(pen.width)) + 1
    strongest = float(ink.max()) or 1.0
    skeleton = np.asarray(mahotas.thin(np.pad(ink >= INK * strongest, room)), bool)
    distance = np.asarray(ndimage.distance_transform_edt(~skeleton), np.float32)
    return _softened(np.clip(pen.width / 2 + 0.5 - distance, 0, 1), pen)


def _erased(ink: FloatArray, where: tuple[slice, slice]) -> Spoilt:
    ink = ink.copy()
    ink[where] = 0
    return Spoilt(ink, np.zeros(ink.shape, bool))


def _added(ink: FloatArray, more: FloatArray) -> Spoilt:
    return Spoilt(np.maximum(ink, more), (more > _FOREIGN) & (ink <= more))


def _walk(shape: tuple[int, ...], pen: Pen, rng: Rng) -> FloatArray:
    return _stroke(scribble(rng) * (shape[1], shape[0]), pen, shape)


def _stroke(points: NDArray[np.float64], pen: Pen, shape: tuple[int, ...]) -> FloatArray:
    sheet = Image.new("L", (shape[1] * _FINE // 2, shape[0] * _FINE // 2))
    line = [tuple(point) for point in (points * _FINE / 2).tolist()]
    ImageDraw.Draw(sheet).line(line, 255, max(1, round(pen.width * _FINE / 2)), "curve")
    small = sheet.resize((shape[1], shape[0]), Image.Resampling.BOX)
    return _softened(np.asarray(small, np.float32) / 255, pen)


def _softened(ink: FloatArray, pen: Pen) -> FloatArray:
    if pen.softness < 0.2:
        return ink
    grey = Image.fromarray((ink * 255).astype(np.uint8))
    return np.asarray(grey.filter(ImageFilter.GaussianBlur(pen.softness)), np.float32) / 255


def _start(centre: float, length: int, room: int) -> int:
    return int(np.clip(round(centre - length / 2), 0, max(0, room - length)))
