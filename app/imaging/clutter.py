"""What is on a sheet and no part of the drawing: found in its ink, and taken off.

Scanner edges, printed frames, ruled lines, graph paper and folds are told from strokes by what no
hand does: they run straight from one side of the sheet to the other, beyond everything else on it.
(On a picture that was cropped to a house its walls do so, too, but not beyond the roof.) A stroke
that crosses one stays whole. What is small and lies far from the drawing, such as a name, a date, a
punched hole or a teacher's mark, is told by the empty paper between, measured by the drawing, so
that neither the sheet nor the picture's size matters. Two large groups are two drawings, and stay.
A dark table around the paper is told by its width, which no stroke has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mahotas
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]

EDGES, LINES, BESIDE, TABLE = "edges", "lines", "beside", "table"

_LEVELS = (0.25, 0.1)  # ink from here on is looked at; printed lines are fainter than strokes
_DARKER = 1.5  # times the ink of a line: a stroke over it
_EDGE_LEAST = 3  # px
_EDGE_DEPTH = 0.12  # of the side: how far in a scanner's edge may reach
_EDGE_SHARE = 0.93  # of a row of pixels along the side that has to be dark
_BLOCKS = 12  # a line is looked for in so many pieces of the width
_PIECE_SHARE = 0.85  # of a piece that has to be dark
_SPAN = 9  # pieces that a line has to have, of the twelve
_MARGIN = 0.06  # of the width: how far from the side of the picture a line may begin and end
_UNBROKEN = 0.96  # of the width between the margins that has to be dark
_STRAIGHT = 0.8  # px: the most that its pieces may deviate from a straight line (RMS)
_SLOPE = 0.035  # the most that it may rise or fall, px by px
_THICKEST = 6  # px
_BEYOND = 0.03  # of the width that a line goes on beyond everything else, at either end
_RULED = 5  # lines one way: so many are a ruling, wherever they end
_CLEAR_OF_STROKES = 0.99  # of the pixels beside a scanner's edge are bare
_BESIDE_EDGE = 4  # px
_GLANCE = 96  # px, the longest side that a table is seen at
_TABLE_TONE = 0.6  # of the paper's: darker is a table
_TABLE_RIM = 0.55  # of the picture's rim that has to be so dark
_TABLE_WIDE = 0.9  # of what is dark there is wider than an edge
_CELLS = 32  # that the longer side of all ink is divided into
# What lies beside a drawing, by the largest group: the least empty paper between them and the most
# of its own longer side, in longer sides of that group, and the most of its ink.
_BESIDE = ((0.16, 0.3, 0.15), (0.5, 0.65, 0.3))
_FAR = 0.16  # of its longer side: the least empty paper between two drawings
_SECOND = 0.35  # of its ink and of its longer side: another drawing


_NEIGHBOURS_BEFORE = np.array([[1, 1, 1], [1, 1, 0], [0, 0, 0]])  # each pair is looked at once


@dataclass(frozen=True, eq=False)
class Cleaned:
    """Ink (h, w) without the clutter; where that was (h, w), and what it was.

    ``several``: there is more than one drawing.
    """

    ink: FloatArray
    clutter: BoolArray
    notes: tuple[str, ...]
    several: bool


def without_clutter(ink: FloatArray, least: float, speck: float) -> Cleaned:
    """Take the clutter off a sheet's ink, in 0–1, which counts from ``least`` on.

    Pieces of less than ``speck`` pixels are dirt.
    """
    left = ink.copy()
    edges = _edges(left, least)
    left[edges] = 0
    lines = _lines(left, least)
    left[lines] = 0
    _drop_specks(left, left >= least, speck)
    beside, several = beside_the_drawing(left >= least)
    left[beside] = 0
    found = ((EDGES, edges), (LINES, lines), (BESIDE, beside))
    names = tuple(name for name, mask in found if mask.any())
    return Cleaned(left, edges | lines | beside, names, several)


def glance(picture: Image.Image) -> Image.Image:
    """The picture as seen from afar."""
    shrink = min(1, _GLANCE / max(picture.size))
    size = max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink))
    return picture.resize(size, Image.Resampling.BOX, reducing_gap=1.0)


def without_table(picture: Image.Image, afar: Image.Image) -> Image.Image | None:
    """Go on with the paper where a dark table shows around it; ``None`` if there is no table."""
    table = _table(afar)
    if table is None:
        return None
    mask, known = (Image.fromarray(m.astype(np.uint8) * 255) for m in (table, ~table))
    spread = ImageFilter.GaussianBlur(_GLANCE / 8)
    paper = ImageChops.multiply(afar, Image.merge("RGB", (known,) * 3)).filter(spread)
    share = np.maximum(np.asarray(known.filter(spread), np.float32), 1) / 255
    tone = np.clip(np.asarray(paper, np.float32) / share[..., None], 0, 255).astype(np.uint8)
    beyond, where = (
        one.resize(picture.size, Image.Resampling.BILINEAR) for one in (Image.fromarray(tone), mask)
    )
    return Image.composite(beyond, picture, where)


def _table(afar: Image.Image) -> BoolArray | None:
    """Where it shows, (h, w); ``None`` if it does not lie nearly all around."""
    grey = afar.convert("L")
    counts = np.array(grey.histogram())
    half_way = (quantile(counts, 0.05) + quantile(counts, 0.95) + 1) // 2
    counts[:half_way] = 0
    dark = np.asarray(grey) < _TABLE_TONE * quantile(counts, 0.5)
    if rim_of(dark).mean() < _TABLE_RIM:
        return None
    labels, count = labelled(grown(wide_parts(dark, 1), 1))
    outside = np.asarray(np.bincount(rim_of(labels), minlength=count + 1) > 0)
    outside[0] = False
    table = np.asarray(outside[labels])
    if (rim_of(table) & rim_of(dark)).sum() < _TABLE_WIDE * rim_of(dark).sum():
        return None  # a scanner's edges
    return grown(table, 2)


def wide_parts(marked: BoolArray, worn: int) -> BoolArray:
    """What is left of areas (h, w) when ``worn`` pixels are worn off them all around."""
    return np.logical_not(grown(~marked, worn))


def beside_the_drawing(marked: BoolArray) -> tuple[BoolArray, bool]:
    """Where ink (h, w) lies beside the drawing, and whether there are several drawings."""
    nowhere = np.zeros(marked.shape, bool)
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    if not len(rows):
        return nowhere, False
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    part = marked[box]
    cell = max(2, -(-max(part.shape) // _CELLS))
    counts = _by_cell(part, cell)
    labels, number = labelled(counts > 0)
    if number < 2:
        return nowhere, False
    groups = sorted(_groups(labels, counts), key=lambda group: -group.ink)
    largest, others = groups[0], groups[1:]
    beside = [one.label for one in others if _lies_beside(one, largest)]
    chosen = np.isin(labels, beside).repeat(cell, 0).repeat(cell, 1)
    nowhere[box] = chosen[: part.shape[0], : part.shape[1]]
    return nowhere, any(_is_another(one, largest) for one in others)


def _edges(ink: FloatArray, least: float) -> BoolArray:
    """Strips along the sides of the picture that are dark for most of their length."""
    dark, strips = ink > _LEVELS[0], np.zeros(ink.shape, bool)
    depths = [_edge_depth(np.rot90(dark, turns)) for turns in range(4)]
    if not any(depths):
        return strips
    for turns, depth in enumerate(depths):
        turned = np.rot90(strips, turns)
        turned[:depth] = True
    strokes, mask = (ink >= least) & ~strips, np.zeros(ink.shape, bool)
    for turns, depth in enumerate(depths):
        rest: BoolArray = np.rot90(strokes, turns)
        beside = rest[depth : depth + _BESIDE_EDGE]
        if depth and (_ends_before(rest) or 1 - beside.mean() >= _CLEAR_OF_STROKES):
            turned = np.rot90(mask, turns)
            turned[:depth] = True
    return mask


def _edge_depth(dark: BoolArray) -> int:
    """How far a strip along the upper side reaches, with its blurred end; 0 if there is none."""
    if np.count_nonzero(dark[0]) <= _EDGE_SHARE * len(dark[0]):
        return 0
    rows = np.asarray(dark[: max(2, int(_EDGE_DEPTH * len(dark)))].mean(1) > _EDGE_SHARE)
    depth = len(rows) if rows.all() else int(np.argmin(rows))
    return depth + 2 if depth >= _EDGE_LEAST else 0


def _ends_before(strokes: BoolArray) -> bool:
    """Whether all of it lies away from both the left and the right side; so does nothing at all."""
    columns, margin = np.asarray(strokes.any(0)), max(1, round(_BEYOND * strokes.shape[1]))
    return not bool(columns[:margin].any() or columns[-margin:].any())


def _lines(ink: FloatArray, least: float) -> BoolArray:
    """Lines that run straight across, from left to right or from top to bottom."""
    lines, faintest = np.zeros(ink.shape, bool), ink > min(_LEVELS)
    if any(_may_have_lines(faintest, axis) for axis in (0, 1)):
        for level in _LEVELS:
            lines |= _lines_of(ink, ink > level, least)
    return lines


def _lines_of(ink: FloatArray, dark: BoolArray, least: float) -> BoolArray:
    across, down = _bands(dark), _bands(dark.T)
    strokes = dark & ~(_joined(across, ink.shape) | _joined(down, ink.shape[::-1]).T)
    own = strokes & (ink >= least)
    mask = np.zeros(ink.shape, bool)
    if len(across) >= _RULED or _ends_before(own):
        mask |= _uncrossed(across, ink, strokes)
    if len(down) >= _RULED or _ends_before(own.T):
        mask |= _uncrossed(down, ink.T, strokes.T).T
    return mask


@dataclass(frozen=True, eq=False)
class _Band:
    """A line: its row in every column (w,), and half of its thickness, in px."""

    rows: NDArray[np.intp]
    half: int

    def pixels(self, reach: int, height: int) -> NDArray[np.intp]:
        """The rows of its pixels, widened by ``reach``, in every column (n, w)."""
        steps = np.arange(-self.half - reach, self.half + reach + 1)
        return np.asarray(np.clip(self.rows[None] + steps[:, None], 0, height - 1))


def _bands(dark: BoolArray) -> list[_Band]:
    found = (np.round(rows).astype(int) for rows in _straight(dark))
    bands = [_Band(rows, _half_thickness(dark, rows)) for rows in found]
    return [band for band in bands if _runs_across(dark, band)]


def _runs_across(dark: BoolArray, band: _Band) -> bool:
    """Whether the line runs from side to side without a gap; a wall below a chimney does not."""
    height, width = dark.shape
    at = np.asarray(dark[band.pixels(1, height), np.arange(width)[None]].any(0))
    margin = round(_MARGIN * width)
    ends = at[:margin].any() and at[width - margin :].any()
    return bool(ends and at[margin : width - margin].mean() > _UNBROKEN)


def _joined(bands: list[_Band], shape: tuple[int, ...]) -> BoolArray:
    mask = np.zeros(shape, bool)
    for band in bands:
        mask[band.pixels(1, shape[0]), np.arange(shape[1])[None]] = True
    return mask


def _uncrossed(bands: list[_Band], ink: FloatArray, strokes: BoolArray) -> BoolArray:
    """The lines' pixels but where a stroke goes on beside them, or is darker than they are."""
    mask = np.zeros(ink.shape, bool)
    height, width = ink.shape
    columns = np.arange(width)[None]
    for band in bands:
        at = band.pixels(1, height)
        tone = np.median(ink[at, columns].max(0))
        beside = np.asarray(strokes[band.pixels(3, height), columns].any(0))
        mask[at, columns] |= ~beside[None] & (ink[at, columns] <= _DARKER * tone + _LEVELS[1])
    return mask


def _may_have_lines(dark: BoolArray, axis: int) -> bool:
    """Whether enough pieces along an axis have two rows that one line may fill; mostly not."""
    edges = _edges_of(dark.shape[axis])
    sums = np.add.reduceat(dark, edges[:-1], axis, dtype=np.int32)
    sums = sums if axis else sums.T
    filled = sums[1:] + sums[:-1] > _PIECE_SHARE * np.diff(edges)
    return bool(filled.any(0).sum() >= _SPAN)


def _edges_of(width: int) -> NDArray[np.intp]:
    """Where its pieces begin, and its end."""
    return np.linspace(0, width, _BLOCKS + 1).astype(np.intp)


def _filled(dark: BoolArray, edges: NDArray[np.intp]) -> BoolArray:
    """Which rows are dark throughout a piece, with the row below, (h, pieces)."""
    thick = dark.copy()
    thick[1:] |= dark[:-1]
    sums = np.add.reduceat(thick, edges[:-1], axis=1, dtype=np.int32)
    return np.asarray(sums > _PIECE_SHARE * np.diff(edges))


def _straight(dark: BoolArray) -> Iterator[NDArray[np.float64]]:
    """The row of each line in every column (w,), in px."""
    width, edges = dark.shape[1], _edges_of(dark.shape[1])
    pieces = [_middles(column) for column in _filled(dark, edges).T]
    centres = (edges[:-1] + edges[1:]) / 2
    used: set[tuple[float, float]] = set()
    for start in range(_BLOCKS - _SPAN + 1):
        for row in pieces[start]:
            if (float(centres[start]), row) in used:
                continue
            chain = _follow(row, pieces[start:], centres[start:])
            if chain:
                used.update(chain)
                x, y = np.array(chain).T
                slope, constant = np.polyfit(x, y, 1)
                yield slope * np.arange(width) + constant


def _middles(dark: BoolArray) -> list[float]:
    """The middle of each run of dark rows, one of them added below, if it is thin enough."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], dark.astype(int), [0]])))
    runs = zip(edges[::2], edges[1::2], strict=True)
    return [(a + b - 2) / 2 for a, b in runs if b - a <= _THICKEST + 1]


def _follow(
    row: float, pieces: list[list[float]], centres: NDArray[np.float64]
) -> list[tuple[float, float]]:
    """The pieces of one line, as (column, row), each next to the one before; one may be missing."""
    chain, missed = [(float(centres[0]), row)], 0
    for column, rows in zip(centres[1:], pieces[1:], strict=True):
        reach = _SLOPE * (column - chain[-1][0]) + 1.5
        near = [one for one in rows if abs(one - chain[-1][1]) <= reach]
        if near:
            chain.append((float(column), min(near, key=lambda one: abs(one - chain[-1][1]))))
        else:
            missed += 1
    if missed > 2 or len(chain) < _SPAN:
        return []
    x, y = np.array(chain).T
    slope, constant = np.polyfit(x, y, 1)
    off = float(np.sqrt(np.mean((y - slope * x - constant) ** 2)))
    return chain if off <= _STRAIGHT and abs(slope) <= _SLOPE else []


def _half_thickness(dark: BoolArray, rows: NDArray[np.intp]) -> int:
    """Half of how thick the line is in most columns."""
    height, width = dark.shape
    steps = np.arange(-_THICKEST, _THICKEST + 1)
    at = np.clip(rows[None] + steps[:, None], 0, height - 1)
    return int(np.median(dark[at, np.arange(width)[None]].sum(0)) // 2)


def _drop_specks(ink: FloatArray, marked: BoolArray, least: float) -> None:
    """Remove pieces of fewer pixels from ``ink``, in place."""
    if not marked.any():
        return
    top, bottom, left, right = mahotas.bbox(marked)
    labels, _ = labelled(marked[top:bottom, left:right])
    speck = np.bincount(labels.ravel()) < least
    speck[0] = False
    if speck.any():
        ink[top:bottom, left:right][speck[labels]] = 0


@dataclass(frozen=True)
class _Group:
    label: int
    ink: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def longer(self) -> int:
        return max(self.bottom - self.top, self.right - self.left)

    def gap(self, other: "_Group") -> int:
        """Cells of empty paper between the two boxes."""
        down = max(self.top - other.bottom, other.top - self.bottom)
        along = max(self.left - other.right, other.left - self.right)
        return max(down, along, 0)


def _by_cell(part: BoolArray, cell: int) -> NDArray[np.int_]:
    """How many pixels of ink each cell has."""
    down, along = (np.arange(0, side, cell) for side in part.shape)
    rows = np.add.reduceat(part, down, 0, dtype=np.int_)
    return np.asarray(np.add.reduceat(rows, along, 1))


def _groups(labels: NDArray[np.int32], counts: NDArray[np.int_]) -> list[_Group]:
    boxes = mahotas.labeled.bbox(labels)
    ink = mahotas.labeled.labeled_sum(counts, labels)
    return [
        _Group(label, int(ink[label]), *(int(side) for side in boxes[label]))
        for label in range(1, len(boxes))
    ]


def _lies_beside(group: _Group, largest: _Group) -> bool:
    return any(
        group.gap(largest) > far * largest.longer
        and group.longer <= long * largest.longer
        and group.ink <= ink * largest.ink
        for far, long, ink in _BESIDE
    )


def _is_another(group: _Group, largest: _Group) -> bool:
    return (
        group.ink >= _SECOND * largest.ink
        and group.longer >= _SECOND * largest.longer
        and group.gap(largest) > _FAR * largest.longer
    )


def quantile(counts: NDArray[Any], share: float) -> int:
    """The value below which ``share`` of the counted values lie; counting spares the sorting."""
    reached = counts.cumsum()
    return int(np.searchsorted(reached, share * reached[-1]))


def rim_of(values: NDArray[Any]) -> NDArray[Any]:
    """The values along the four sides, one after the other."""
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def labelled(marked: BoolArray) -> tuple[NDArray[np.int32], int]:
    """Number the pieces whose pixels touch, if only at a corner; return how many there are."""
    labels, count = mahotas.label(marked, _NEIGHBOURS_BEFORE)
    return labels, count


def grown(marked: BoolArray, reach: int) -> BoolArray:
    """Dilate by a square of 2 · reach + 1 pixels."""
    return _grown_down(_grown_down(marked, reach).T, reach).T


def _grown_down(marked: BoolArray, reach: int) -> BoolArray:
    grown = marked.copy(order="K")
    for step in range(1, reach + 1):
        grown[step:] |= marked[:-step]
        grown[:-step] |= marked[step:]
    return grown
