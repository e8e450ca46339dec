"""Statistics of the redrawn strokes, and measures of the picture that they were read from.

The first are of the child and enter the answer. The second are of the paper, the pen and the
camera: they help to tell what is no drawing, and nothing else.
"""

import mahotas
import numpy as np

from app.imaging.clutter import grown, labelled
from app.imaging.paper import INK, OVERVIEW, BoolArray, FloatArray, Sheet, pen_width

MARKS = (
    "stroke_length", "ends", "junctions", "components", "holes", "aspect",
    "mass_x", "mass_y", "spread_x", "spread_y", "mirror_symmetry",
    "upside_symmetry", "occupied_cells", "densest_cell", "straightness", "horizontal", "vertical",
)  # fmt: skip
PICTURE_MEASURES = (
    "paper_noise", "paper_shading", "paper_darkness", "ink_colour", "ink_unevenness", "pen_width",
    *OVERVIEW, "unread_ink", "doubt",
)  # fmt: skip
CROP_SIDE = 128  # px, what strokes are redrawn on
LEAST_MEASURE = np.float32(0.01)  # added before the logarithm
_CELL = 16  # px
_NEAR = 3  # px: ink so far from a stroke may still be its own
_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
_STROKES_THAT_MEET = 3
_MOST_AT_AN_END = 2
_CROWDED = 5


def mark_statistics(strokes: FloatArray) -> FloatArray:
    """Return one value for each name in ``MARKS``; lengths are relative to the crop's side."""
    marked = strokes >= INK
    skeleton = thin(marked)
    return np.array(
        [*_strokes(skeleton), *_pieces(marked), _aspect(marked), *_layout(strokes),
         *_cells(skeleton), *_directions(strokes)],
        np.float32,
    )  # fmt: skip


def picture_measures(sheet: Sheet, ink: FloatArray, side: float, strokes: FloatArray) -> FloatArray:
    """Return the logarithm of each of ``PICTURE_MEASURES``; all grow away from clean line art.

    ``strokes`` were read from ``ink``, both (n, n), a square of ``side`` pixels of the sheet.
    """
    tone, paper = _channels(sheet.tone), _channels(sheet.paper)
    covered = sheet.ink > 0.05
    if sheet.clutter is not None:
        covered |= sheet.clutter
    bare, dark = ~grown(covered, 2), sheet.ink > 0.8
    sheet_tone = _where(tone, bare) if bare.any() else _where(paper, ~bare)
    grain = _where(tone - paper, bare) if bare.any() else np.zeros((1, 1))
    ink_tone = _where(tone, dark) if dark.any() else _where(tone, ~dark)
    smooth = paper[:, ::4, ::4]
    light = np.maximum(smooth.mean(axis=(1, 2)), 0.05)
    measures = np.array(
        [
            grain.var(axis=1).mean() ** 0.5,
            np.ptp(smooth.mean(axis=0)),
            1 - sheet_tone.mean(),
            np.median(np.ptp(ink_tone / light[:, None], axis=0)),
            ink_tone.mean(axis=0).std(),
            pen_width(sheet.marked) / side,
            *sheet.overview,
            _unread(ink, strokes),
            _doubt(strokes),
        ],
        np.float32,
    )
    return np.asarray(np.log(measures + LEAST_MEASURE))


def _unread(ink: FloatArray, strokes: FloatArray) -> float:
    """The share of the ink that no stroke runs through or along."""
    near = grown(strokes >= INK, _NEAR)
    return float(ink[~near].sum()) / (float(ink.sum()) + 1e-6)


def _doubt(strokes: FloatArray) -> float:
    """How far the strokes are from being all there or not there."""
    return float((strokes * (1 - strokes)).sum()) / (float(strokes.sum()) + 1e-6)


def _channels(rgb: FloatArray) -> FloatArray:
    """(h, w, 3) with its channels first; one of them if one was broadcast to all three."""
    channels = rgb.transpose(2, 0, 1)
    return channels[:1] if channels.strides[0] == 0 else channels


def _where(channels: FloatArray, chosen: BoolArray) -> FloatArray:
    return np.stack([channel[chosen] for channel in channels])


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


def _aspect(marked: BoolArray) -> float:
    wide, high = (int(np.ptp(np.flatnonzero(marked.any(axis)))) + 1 for axis in (0, 1))
    return float(np.log(wide / high))


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
