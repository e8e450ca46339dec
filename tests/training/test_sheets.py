"""Drawings from their strokes, by any pen, on any sheet."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.errors import ConfigurationError
from app.imaging.intake import on_white
from app.imaging.paper import find_drawing
from app.inference.features import READ_SIDE, crop_to_ink
from app.training.sheets import (
    MARKS,
    PENS,
    SHEETS,
    StrokeDrawing,
    a4,
    draw,
    half_of,
    intruder,
    read_strokes,
)
from tests.support.data.strokes import a_stroke_drawing

EMPTY = StrokeDrawing("made", "made/nobody", 6.0, "house", ())


def crop_of(picture: Image.Image) -> np.ndarray:
    """What the trunk would see."""
    crop = crop_to_ink(find_drawing(on_white(picture)))
    assert crop is not None
    return crop.ink


@pytest.mark.parametrize("sheet", SHEETS)
def test_the_trunk_sees_the_same_drawing_on_every_sheet(sheet: str) -> None:
    drawing = a_stroke_drawing()
    difference = np.abs(crop_of(SHEETS[sheet](drawing)) - crop_of(draw(drawing)))
    assert difference.mean() < 0.04


@pytest.mark.parametrize("pen", PENS)
def test_a_pen_changes_the_strokes_width_and_not_their_place(pen: str) -> None:
    drawn = np.asarray(draw(a_stroke_drawing(), PENS[pen])) < 128
    collected = np.asarray(draw(a_stroke_drawing())) < 128
    assert drawn.any()
    assert (drawn & collected).sum() > 0.5 * min(drawn.sum(), collected.sum())


@pytest.mark.parametrize("mark", sorted(MARKS.keys() - {"table"}))  # lies around the sheet
def test_a_marked_sheet_is_darker_than_the_plain_one_and_keeps_the_drawing(mark: str) -> None:
    plain = a4(a_stroke_drawing())
    marked = MARKS[mark](plain, np.random.default_rng(3))
    values, before = np.asarray(marked, int), np.asarray(plain, int)
    assert marked.size == plain.size
    assert values.mean() < before.mean()
    assert (values[before < 60] < 120).all()


def test_a_sheet_without_strokes_is_blank() -> None:
    assert draw(EMPTY).getextrema() == (255, 255)


def test_half_of_a_drawing_lies_in_half_of_its_box() -> None:
    drawing = a_stroke_drawing()
    half = half_of(drawing, np.random.default_rng(1))
    before, after = (np.concatenate(d.strokes) for d in (drawing, half))
    shares = np.ptp(after, axis=0) / np.ptp(before, axis=0)
    assert shares.min() <= 0.51
    assert 0 < len(after) < len(before)


def test_an_intruder_is_small_and_on_the_sheet() -> None:
    rng = np.random.default_rng(2)
    guests = [intruder(a_stroke_drawing("cat"), a_stroke_drawing(), rng) for _ in range(20)]
    points = [np.concatenate(guest.strokes) for guest in guests]
    assert all(0.27 < np.ptp(p, axis=0).max() < 0.43 for p in points)
    assert all(p.min() >= 0 and p.max() <= 1 for p in points)


def test_strokes_are_read_with_who_drew_them(tmp_path: Path) -> None:
    row = {"age_years": 5.5, "category": "cat", "session_id": "a", "strokes": [[[0, 0], [1, 1]]]}
    with gzip.open(tmp_path / "own.ndjson.gz", "wt") as lines:
        lines.write(json.dumps(row) + "\n")
    (drawing,) = read_strokes(tmp_path)
    assert (drawing.child, drawing.age_years, drawing.category) == ("own/a", 5.5, "cat")
    assert drawing.strokes[0].shape == (2, 2)


def test_a_folder_without_strokes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.ndjson\.gz"):
        read_strokes(tmp_path)


def test_the_crop_has_the_side_that_the_trunk_takes() -> None:
    assert crop_of(draw(a_stroke_drawing())).shape == (READ_SIDE, READ_SIDE)
