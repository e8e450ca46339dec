"""One upright picture -> its features: what the trunk sees in its ink, and its marks.

The trunk is EfficientNet-Lite0 cut after its fifth stage, with heads of our own, as ONNX. Training
and analysis both go through here, so that what is calibrated is what is served.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from app.imaging.clutter import beside_the_drawing, grown, labelled
from app.imaging.marks import CROP_SIDE, mark_statistics, picture_measures
from app.imaging.paper import INK, BoolArray, Sheet, find_drawing, pen_width
from app.scoring.assess import DrawingFeatures, pooled
from app.scoring.norms import FloatArray

Redraw = Callable[[FloatArray], FloatArray]

OUTPUTS = ("strokes", "patches", "embedding", "turns", "kind", "foreign")
MORE_LOOKS = 2  # at most
LEAST_STROKES = 24  # px of redrawn strokes: less is a speck
READ_SIDE = 256  # px, what strokes are read from
MARGIN = 0.08  # around the ink's box, as a share of its longer side
_BLOCK = 4  # px of READ_SIDE
_HALF_WIDTH = 3  # blocks: no pen is twice as wide
_SOLID = 0.6  # of the ink of a block that is filled
_OFF = 2  # px of CROP_SIDE
_CLEAR = 0.65  # from here on, something is a stroke rather than a trace of the paper
_LEAST_CLEAR = 4  # px of CROP_SIDE
INKED_CELL = 1.5  # px of ink: a cell of the map with less is empty
_MOST_FOREIGN = 8  # cells
_FEWEST_CELLS = 3  # that a place on the map has
_LEAST_SHARE = 1e-3
_DIMMEST = 0.02  # of the ink is as dark as can be
_HALO = 3  # px of CROP_SIDE: how far around ink the map reaches
_LEAST_LIGHT = 0.12  # the least unusual ink still shows, so that the drawing can be recognised

Square = tuple[float, float, float]  # left, top and side, in px


@dataclass(frozen=True)
class Crop:
    """The ink's box with its margin, squared: ``ink`` is (READ_SIDE, READ_SIDE) in 0–1.

    The box is that of the strokes' middles, so that a thicker pen does not change it. ``left``,
    ``top`` and ``side`` place the square on the working sheet, in its pixels; the square may reach
    beyond the sheet.
    """

    ink: FloatArray
    left: float
    top: float
    side: float

    @cached_property
    def halved(self) -> FloatArray:
        """The ink in the strokes' pixels, (CROP_SIDE, CROP_SIDE)."""
        return _reduced(self.ink, READ_SIDE // CROP_SIDE)

    @classmethod
    def of(cls, sheet: Sheet, square: Square) -> "Crop":
        """Cut a square out of a sheet; what is filled in it becomes an outline."""
        return cls(_outlined(cut(sheet.ink, square, READ_SIDE)), *square)

    def square_around(self, strokes: FloatArray) -> Square | None:
        """The square around the strokes that were read from it; ``None`` if there are none."""
        marked = _clear_strokes(strokes, self.halved)
        beside, _ = beside_the_drawing(marked)
        found = ink_square(marked & ~beside)
        if found is None:
            return None
        x, y, side = (value * self.side / CROP_SIDE for value in found)
        return self.left + x, self.top + y, side

    def fits(self, square: Square) -> bool:
        """Whether a square is where this one is, but for what the width of a pen may change."""
        off = _OFF * self.side / CROP_SIDE
        (x, y, side), far = square, self.left + self.side
        ends = (x - self.left, y - self.top, x + side - far, y + side - self.top - self.side)
        return max(abs(end) for end in ends) <= off


def _clear_strokes(strokes: FloatArray, ink: FloatArray) -> BoolArray:
    """Where strokes are, without pieces that are specks or as faint as their ink."""
    labels, count = labelled(strokes >= INK)
    clear = labels.ravel()[np.maximum(strokes, ink).ravel() >= _CLEAR]
    enough = np.bincount(clear, minlength=count + 1) >= _LEAST_CLEAR
    enough[0] = False
    return np.asarray(enough[labels])


def _outlined(ink: FloatArray) -> FloatArray:
    """Keep of areas wider than any pen the rim alone; ``ink`` is (READ_SIDE, READ_SIDE)."""
    blocks = _reduced(ink, _BLOCK) >= _SOLID
    core = ~grown(~blocks, _HALF_WIDTH)
    if not core.any():
        return ink
    inner = ~grown(~grown(core, _HALF_WIDTH), 1)
    return np.where(inner.repeat(_BLOCK, 0).repeat(_BLOCK, 1), 0, ink)


def _reduced(ink: FloatArray, side: int) -> FloatArray:
    """The mean of every square of ``side`` by ``side`` pixels."""
    parts = [ink[row::side, column::side] for row in range(side) for column in range(side)]
    return np.asarray(sum(parts[1:], parts[0]) / np.float32(len(parts)))


def crop_to_ink(sheet: Sheet) -> Crop | None:
    """Crop to the ink's box; ``None`` if there is no ink."""
    square = ink_square(sheet.marked)
    return None if square is None else Crop.of(sheet, square)


def ink_square(marked: BoolArray) -> Square | None:
    """The square around the middles of strokes, with a margin; ``None`` if there are none."""
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    if not len(rows):
        return None
    half = pen_width(marked[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]) / 2
    (top, bottom), (left, right) = (_middles(ends, half) for ends in (rows, columns))
    side = max(bottom - top, right - left, 8) * (1 + 2 * MARGIN)
    return (left + right - side) / 2, (top + bottom - side) / 2, side


def cut(values: FloatArray, square: Square, pixels: int) -> FloatArray:
    """Cut a square out of (h, w) values in 0–1 and bring it to ``pixels`` by ``pixels``."""
    x, y, side = square
    height, width = values.shape
    beyond = max(0, math.ceil(max(-x, -y, x + side - width, y + side - height)))
    grey = ImageOps.expand(Image.fromarray((values * 255).astype(np.uint8)), beyond)
    x, y = x + beyond, y + beyond
    part = grey.resize((pixels, pixels), Image.Resampling.BILINEAR, (x, y, x + side, y + side))
    return np.asarray(part) / np.float32(255)


def _middles(ends: NDArray[np.intp], half: float) -> tuple[float, float]:
    """From where to where the middles of strokes lie, if they begin and end at these pixels."""
    first, last = float(ends[0]), float(ends[-1] + 1)
    shrink = min(half, (last - first) / 2)
    return first + shrink, last - shrink


def saliency_map(
    sheet: Sheet, crop: Crop, strokes: FloatArray, shares: FloatArray, size: tuple[int, int]
) -> Image.Image:
    """Lay the ``shares`` (h, w) of foreign ink over the ink and around it; elsewhere it is black.

    Grey, ``size`` (width, height) in pixels, aligned to the upright original. Brightness is
    relative within one drawing: the strokes that seem least to belong are white, whatever their
    tone and width.
    """
    spread = Image.fromarray(shares).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BICUBIC)
    values = np.asarray(spread)
    on_ink = np.sort(values[strokes >= INK])
    low, high = on_ink[int(_DIMMEST * len(on_ink))], on_ink[-1]
    relative = np.clip((values - low) / max(float(high - low), 1e-6), 0, 1)
    near = grown(np.maximum(crop.halved, strokes) >= INK, _HALO)
    halo = Image.fromarray(near.astype(np.uint8) * 255).filter(ImageFilter.BoxBlur(1))
    light = np.asarray(halo) * (_LEAST_LIGHT + (1 - _LEAST_LIGHT) * relative) + 0.5
    return laid_over(sheet, crop, Image.fromarray(light.astype(np.uint8)), size)


def laid_over(sheet: Sheet, crop: Crop, square: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Lay a grey picture of the crop where the crop is in the original; black around it."""
    side = crop.side / sheet.scale  # in pixels of the original, as all that follow
    x, y = sheet.left + crop.left / sheet.scale, sheet.top + crop.top / sheet.scale
    left, top = max(0, math.ceil(x)), max(0, math.ceil(y))
    right, bottom = min(size[0], int(x + side)), min(size[1], int(y + side))
    per_pixel = square.width / side
    box = (
        (left - x) * per_pixel,
        (top - y) * per_pixel,
        (right - x) * per_pixel,
        (bottom - y) * per_pixel,
    )
    shown = square.resize((right - left, bottom - top), Image.Resampling.BILINEAR, box)
    whole = Image.new("L", size)
    whole.paste(shown, (left, top))
    return whole


@dataclass(frozen=True, eq=False)
class Seen:
    """What the trunk makes of one crop.

    ``strokes`` (128, 128) are the drawing's lines as redrawn with one pen, in 0–1; the rest is
    seen in them alone. ``patches`` is its feature map (112, 8, 8), ``embedding`` (256,);
    ``turns`` (4,) and ``kind`` (5,) are logits of the quarter turns and of the damage it was
    taught on drawings without ages; ``foreign`` (16, 16) are logits that a cell's ink belongs to
    another drawing.
    """

    strokes: FloatArray
    patches: FloatArray
    embedding: FloatArray
    turns: FloatArray
    kind: FloatArray
    foreign: FloatArray

    @property
    def foreign_shares(self) -> FloatArray:
        """The share of each cell's ink that it takes for foreign, (16, 16)."""
        return np.asarray(1 / (1 + np.exp(-self.foreign)), np.float32)


def most_foreign(seen: Seen) -> FloatArray:
    """How foreign the ink looks, as log-odds (3,): at one place, in a few cells and on average."""
    side = len(seen.foreign)
    cell = CROP_SIDE // side
    inked = seen.strokes.reshape(side, cell, side, cell).sum((1, 3)) > INKED_CELL
    shares = np.where(inked, seen.foreign_shares, 0)
    sums, counts = _sums_around(shares), _sums_around(inked.astype(np.float32))
    shares_at_ink = np.sort(shares[inked])[::-1] if inked.any() else np.zeros(1)
    place = (sums / np.maximum(counts, _FEWEST_CELLS)).max()
    found = np.array([place, shares_at_ink[:_MOST_FOREIGN].mean(), shares_at_ink.mean()])
    bounded = np.clip(found, _LEAST_SHARE, 1 - _LEAST_SHARE)
    return np.asarray(np.log(bounded / (1 - bounded)))


def _sums_around(values: FloatArray) -> FloatArray:
    """The sum over each value and the eight around it."""
    padded = np.pad(values, 1)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])


class Trunk:
    """Ink, (256, 256) in 0–1 with ink = 1, to its strokes and what is seen in them."""

    def __init__(self, path: Path) -> None:
        self._runtime = _session(path)

    def see(self, ink: FloatArray) -> Seen:
        """Look at one crop."""
        outputs = self._runtime.run(list(OUTPUTS), {"ink": np.asarray(ink[None, None], np.float32)})
        return Seen(*(np.asarray(output[0], np.float32) for output in outputs))


def redrawing(tracer: Path) -> Redraw:
    """What redraws strokes, by itself: ink (256, 256) to strokes (128, 128)."""
    runtime = _session(tracer)

    def redraw(ink: FloatArray) -> FloatArray:
        (output,) = runtime.run(["strokes"], {"ink": np.asarray(ink[None, None], np.float32)})
        return np.asarray(output, np.float32).reshape(CROP_SIDE, CROP_SIDE)

    return redraw


def _session(path: Path) -> onnxruntime.InferenceSession:
    """One thread: a quarter of a core gains nothing from more.

    The memory arena is off so that resident memory stays flat between drawings.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True, eq=False)
class Inked:
    """A picture's ink, what the trunk sees in it, and the features of both.

    The deep features come first: the pooled feature map, the embedding, the logits of turns and
    damage and of the most foreign ink; the statistics of the marks follow.
    """

    sheet: Sheet
    crop: Crop
    seen: Seen
    features: FloatArray

    @property
    def picture(self) -> FloatArray:
        """What the picture is like, whatever it shows."""
        return picture_measures(self.sheet, self.crop.halved, self.crop.side, self.seen.strokes)

    @property
    def drawing(self) -> DrawingFeatures:
        """What the norms assess."""
        return DrawingFeatures(self.features, self.picture)


def extract(trunk: Trunk, picture: Image.Image) -> Inked | None:
    """Measure one picture; ``None`` if there are no strokes."""
    return measure(trunk, find_drawing(picture))


def measure(trunk: Trunk, sheet: Sheet) -> Inked | None:
    """Measure a sheet whose ink is known.

    What is no stroke may have been taken for ink; then it is looked at again around the strokes.
    """
    crop = crop_to_ink(sheet)
    if crop is None:
        return None
    seen = trunk.see(crop.ink)
    for _ in range(MORE_LOOKS):
        square = crop.square_around(seen.strokes)
        if square is None or crop.fits(square):
            break
        crop = Crop.of(sheet, square)
        seen = trunk.see(crop.ink)
    if (seen.strokes >= INK).sum() < LEAST_STROKES:
        return None
    return Inked(sheet, crop, seen, joined(seen, mark_statistics(seen.strokes)))


def joined(seen: Seen, marks: FloatArray) -> FloatArray:
    """Put the deep features before the statistics of the marks, (d,)."""
    deep = (pooled(seen.patches), seen.embedding, seen.turns, seen.kind, most_foreign(seen))
    return np.concatenate([*deep, marks]).astype(np.float32)
