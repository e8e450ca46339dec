"""Statistics of the marks on the paper that do not depend on the pen's width.

Pen width differs between collections of drawings and would give the collection away, so whatever
depends on it is left to ``domain_measures``, which is about the picture and not the child.
"""

import mahotas
import numpy as np

from app.imaging.paper import CROP_SIDE, INK, BoolArray, Crop, FloatArray, Sheet

MARKS = (
    "stroke_length", "ends", "junctions", "components", "holes", "aspect", "box_share",
    "box_x", "box_y", "mass_x", "mass_y", "spread_x", "spread_y", "mirror_symmetry",
    "upside_symmetry", "occupied_cells", "densest_cell", "straightness", "horizontal", "vertical",
)  # fmt: skip
DOMAIN_MEASURES = (
    "paper_noise", "paper_shading", "paper_darkness", "ink_colour", "ink_unevenness", "pen_width",
)  # fmt: skip
_CELL = 16  # px
_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
_STROKES_THAT_MEET = 3
_MOST_AT_AN_END = 2
_CROWDED = 5


def mark_statistics(sheet: Sheet, crop: Crop) -> FloatArray:
    """Return one value for each name in ``MARKS``; lengths are relative to the crop's side."""
    marked = crop.ink >= INK
    skeleton = thin(marked)
    return np.array(
        [*_strokes(skeleton), *_pieces(marked), *_placement(sheet, crop), *_layout(crop.ink),
         *_cells(skeleton), *_directions(crop.ink)],
        np.float32,
    )  # fmt: skip


def domain_measures(sheet: Sheet, crop: Crop) -> FloatArray:
    """Return one value for each name in ``DOMAIN_MEASURES``; all grow away from clean line art."""
    near = _grown(sheet.ink > 0.05, 2)
    bare = sheet.tone[~near] if not near.all() else sheet.paper.reshape(-1, 3)
    core = sheet.tone[sheet.ink > 0.8] if (sheet.ink > 0.8).any() else sheet.tone.reshape(-1, 3)
    relative = core / np.maximum(sheet.paper.mean(axis=(0, 1)), 0.05)
    return np.array(
        [
            (bare - bare.mean(0)).std(),
            np.ptp(sheet.paper.mean(2)),
            1 - bare.mean(),
            np.median(np.ptp(relative, axis=1)),
            core.mean(1).std(),
            _pen_width(crop) * crop.side / CROP_SIDE / max(sheet.ink.shape),
        ],
        np.float32,
    )


def _pen_width(crop: Crop) -> float:
    """Twice the area over the length of the outline, in pixels of the crop."""
    marked = crop.ink >= INK
    outline = marked & _grown(~marked, 1)
    return 2 * float(marked.sum()) / max(1.0, float(outline.sum()))


def _grown(marked: BoolArray, reach: int) -> BoolArray:
    """Dilate by a square of 2 · reach + 1 pixels."""
    for axis in (0, 1):
        here = np.moveaxis(marked.copy(), axis, 0)
        before = here.copy()
        for step in range(1, reach + 1):
            here[step:] |= before[:-step]
            here[:-step] |= before[step:]
        marked = np.moveaxis(here, 0, axis)
    return marked


def thin(marked: BoolArray) -> BoolArray:
    """Thin strokes to lines one pixel wide."""
    return np.asarray(mahotas.thin(marked), bool)


def _strokes(skeleton: BoolArray) -> list[float]:
    """Length, ends and junctions; a pixel is told by how often ink begins on a walk around it.

    (Rutovitz's crossing number. Counting neighbours alone would take every step of a slanting
    line for a junction; strokes that cross leave a little block, whose pixels are crowded.)
    """
    padded, side = np.pad(skeleton, 1), skeleton.shape[0]
    ring = np.stack([padded[1 + y : 1 + y + side, 1 + x : 1 + x + side] for y, x in _AROUND])
    begins = (~ring & np.roll(ring, -1, axis=0)).sum(0)[skeleton]
    neighbours = ring.sum(0)[skeleton]
    ends = (begins == 1) & (neighbours <= _MOST_AT_AN_END)
    junctions = (begins >= _STROKES_THAT_MEET) | (neighbours >= _CROWDED)
    return [
        float(np.log1p(skeleton.sum() / side)),
        float(np.log1p(ends.sum())),
        float(np.log1p(junctions.sum())),
    ]


def _pieces(marked: BoolArray) -> list[float]:
    _, components = mahotas.label(marked, np.ones((3, 3)))
    _, backgrounds = mahotas.label(~np.pad(marked, 1))
    return [float(np.log1p(components)), float(np.log1p(backgrounds - 1))]


def _placement(sheet: Sheet, crop: Crop) -> list[float]:
    height, width = sheet.ink.shape
    left, top, right, bottom = crop.box
    return [
        float(np.log((right - left) / (bottom - top))),
        float(np.log((right - left) * (bottom - top) / (width * height))),
        (left + right) / (2 * width),
        (top + bottom) / (2 * height),
    ]


def _layout(ink: FloatArray) -> list[float]:
    position = np.linspace(-1, 1, CROP_SIDE)
    total = float(ink.sum()) + 1e-6
    across, down = ink.sum(0) / total, ink.sum(1) / total
    x, y = float(across @ position), float(down @ position)
    cells = _by_cell(ink)
    energy = float((cells**2).sum()) + 1e-6
    return [
        x,
        y,
        float(across @ (position - x) ** 2) ** 0.5,
        float(down @ (position - y) ** 2) ** 0.5,
        float((cells * cells[:, ::-1]).sum()) / energy,
        float((cells * cells[::-1]).sum()) / energy,
    ]


def _cells(skeleton: BoolArray) -> list[float]:
    cells = _by_cell(skeleton.astype(np.float32))
    return [float((cells > 0).mean()), float(cells.max() / (cells.sum() + 1e-6))]


def _directions(ink: FloatArray) -> list[float]:
    """Structure tensor in cells: how straight strokes run, and how far along the axes."""
    dy, dx = (np.asarray(slope) for slope in np.gradient(ink))
    xx, yy, xy = _by_cell(dx * dx), _by_cell(dy * dy), _by_cell(dx * dy)
    strength = xx + yy
    straight = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    total = float(strength.sum()) + 1e-6
    return [
        float(straight.sum()) / total,
        float(np.maximum(yy - xx, 0).sum()) / total,
        float(np.maximum(xx - yy, 0).sum()) / total,
    ]


def _by_cell(values: FloatArray) -> FloatArray:
    count = CROP_SIDE // _CELL
    return np.asarray(values.reshape(count, _CELL, count, _CELL).sum(axis=(1, 3)))
