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
from PIL import Image

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]

WORKING_SIDE = 384  # px, the longest side that ink is looked for at
CROP_SIDE = 128  # px, what the trunk sees
INK = 0.35  # a pixel from here on counts as ink
MARGIN = 0.08  # around the ink's box, as a share of its longer side
_PAPER_RADIUS = 7  # px at a quarter of the working size: wider fills turn into paper
_FAINTEST = 0.06  # less contrast than this is no ink
_SPECK = 9  # px at the working size


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
    working = picture.copy()
    working.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    tone = np.asarray(working, np.float32) / 255
    paper = _local_paper(working)
    darkness = 1 - (tone / np.maximum(paper, 0.05)).min(axis=2)
    ink = _without_specks(_scaled(darkness), max(working.size) / WORKING_SIDE)
    return Sheet(tone, paper, ink, working.width / picture.width)


def crop_to_ink(sheet: Sheet) -> Crop | None:
    """Crop to the ink's box; ``None`` where there is no ink."""
    rows, columns = np.flatnonzero(sheet.marked.any(1)), np.flatnonzero(sheet.marked.any(0))
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


def _local_paper(working: Image.Image) -> FloatArray:
    small = working.resize(
        (max(1, working.width // 4), max(1, working.height // 4)), Image.Resampling.BOX
    )
    lightest = _running_maximum(_running_maximum(np.asarray(small), 0), 1)
    smooth = _running_mean(_running_mean(lightest.astype(np.float32), 0), 1)
    back = Image.fromarray(smooth.round().astype(np.uint8)).resize(
        working.size, Image.Resampling.BILINEAR
    )
    return np.asarray(back, np.float32) / 255


def _windows(values: NDArray[Any], axis: int) -> NDArray[Any]:
    reach = [(_PAPER_RADIUS, _PAPER_RADIUS) if a == axis else (0, 0) for a in range(values.ndim)]
    padded = np.pad(values, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * _PAPER_RADIUS + 1, axis)


def _running_maximum(values: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    return np.asarray(_windows(values, axis).max(axis=-1))


def _running_mean(values: FloatArray, axis: int) -> FloatArray:
    return np.asarray(np.mean(_windows(values, axis), axis=-1, dtype=np.float32))


def _scaled(darkness: FloatArray) -> FloatArray:
    """0 at the paper's own noise, 1 at the darkest strokes of this very drawing."""
    middle = float(np.median(darkness))
    noise = 1.4826 * float(np.median(np.abs(darkness - middle)))
    floor = min(middle + 3 * noise + 0.02, 0.3)
    ceiling = float(np.percentile(darkness, 99.7))
    if ceiling - floor < _FAINTEST:
        ceiling = float(darkness.max())
    if ceiling - floor < _FAINTEST:
        return np.zeros_like(darkness)
    return np.asarray(np.clip((darkness - floor) / (ceiling - floor), 0, 1))


def _without_specks(ink: FloatArray, relative_size: float) -> FloatArray:
    labels, count = mahotas.label(ink >= INK, np.ones((3, 3)))
    if count == 0:
        return ink
    areas = np.bincount(labels.ravel())
    speck = areas < _SPECK * relative_size**2
    speck[0] = False
    return np.where(speck[labels], np.float32(0), ink)
