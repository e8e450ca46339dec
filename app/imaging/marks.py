"""Statistics of the marks on the paper that do not depend on the pen's width.

Pen width differs between collections of drawings and would give the collection away, so whatever
depends on it is left to ``domain_measures``, which is about the picture and not the child.
"""

import mahotas
import numpy as np

from app.imaging.paper import CROP_SIDE, INK, BoolArray, Crop, FloatArray, Sheet, labelled

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
    tone, paper = _channels(sheet.tone), _channels(sheet.paper)
    bare, dark = ~_grown(sheet.ink > 0.05, 2), sheet.ink > 0.8
    sheet_tone = _where(tone, bare) if bare.any() else _where(paper, ~bare)
    ink_tone = _where(tone, dark) if dark.any() else _where(tone, ~dark)
    light = np.maximum(paper.mean(axis=(1, 2)), 0.05)
    return np.array(
        [
            sheet_tone.var(axis=1).mean() ** 0.5,
            np.ptp(paper.mean(axis=0)),
            1 - sheet_tone.mean(),
            np.median(np.ptp(ink_tone / light[:, None], axis=0)),
            ink_tone.mean(axis=0).std(),
            _pen_width(crop) * crop.side / CROP_SIDE / max(sheet.ink.shape),
        ],
        np.float32,
    )


def _channels(rgb: FloatArray) -> FloatArray:
    """(h, w, 3) with its channels first; one of them if one was broadcast to all three."""
    channels = rgb.transpose(2, 0, 1)
    return channels[:1] if channels.strides[0] == 0 else channels


def _where(channels: FloatArray, chosen: BoolArray) -> FloatArray:
    return np.stack([channel[chosen] for channel in channels])


def _pen_width(crop: Crop) -> float:
    """Twice the area over the length of the outline, in pixels of the crop."""
    marked = crop.ink >= INK
    outline = marked & _grown(~marked, 1)
    return 2 * float(marked.sum()) / max(1.0, float(outline.sum()))


def _grown(marked: BoolArray, reach: int) -> BoolArray:
    """Dilate by a square of 2 · reach + 1 pixels."""
    return _grown_down(_grown_down(marked, reach).T, reach).T


def _grown_down(marked: BoolArray, reach: int) -> BoolArray:
    grown = marked.copy(order="K")
    for step in range(1, reach + 1):
        grown[step:] |= marked[:-step]
        grown[:-step] |= marked[step:]
    return grown


def thin(marked: BoolArray) -> BoolArray:
    """Thin strokes to lines one pixel wide."""
    return np.asarray(mahotas.thin(marked), bool)


def _strokes(skeleton: BoolArray) -> list[float]:
    """Length, ends and junctions; a pixel is told by how often ink begins on a walk around it.

    (Rutovitz's crossing number. Counting neighbours alone would take every step of a slanting
    line for a junction; strokes that cross leave a little block, whose pixels are crowded.)
    """
    side = len(skeleton)
    padded = np.pad(skeleton, 1)
    places = np.flatnonzero(padded)
    ring = padded.ravel()[np.add.outer([y * len(padded) + x for y, x in _AROUND], places)]
    begins = (~ring & np.roll(ring, -1, axis=0)).sum(0)
    neighbours = ring.sum(0)
    ends = (begins == 1) & (neighbours <= _MOST_AT_AN_END)
    junctions = (begins >= _STROKES_THAT_MEET) | (neighbours >= _CROWDED)
    return [
        float(np.log1p(len(places) / side)),
        float(np.log1p(ends.sum())),
        float(np.log1p(junctions.sum())),
    ]


def _pieces(marked: BoolArray) -> list[float]:
    """Components and holes; these are the components less Euler's number.

    Pixels are taken as closed squares, so that those that share a corner hang together.
    """
    _, components = labelled(marked)
    padded = np.pad(marked, 1)
    level, upright = padded[1:] | padded[:-1], padded[:, 1:] | padded[:, :-1]
    corners = level[:, 1:] | level[:, :-1]
    vertices, faces = np.count_nonzero(corners), np.count_nonzero(marked)
    euler = vertices - np.count_nonzero(level) - np.count_nonzero(upright) + faces
    return [float(np.log1p(components)), float(np.log1p(components - euler))]


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
    rows = values.reshape(count, _CELL, CROP_SIDE).sum(axis=1)
    return np.asarray(rows.reshape(count, count, _CELL).sum(axis=2))
