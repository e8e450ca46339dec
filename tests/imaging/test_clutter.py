"""What is no part of the drawing is taken off, and what a hand drew stays."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from app.imaging.clutter import (
    BESIDE,
    EDGES,
    LINES,
    TABLE,
    Cleaned,
    beside_the_drawing,
    without_clutter,
)
from app.imaging.intake import on_white
from app.imaging.paper import INK, find_drawing
from app.inference.features import Trunk, crop_to_ink, extract
from app.training.sheets import MARKS, StrokeDrawing, a4, draw, pale
from tests.support.data.bundles import BUNDLE
from tests.support.data.strokes import a_stroke_drawing

NAMED = {
    "edge strip": EDGES, "border": EDGES, "frame": LINES, "ruled": LINES, "5 mm grid": LINES,
    "fold": LINES, "two holes": BESIDE, "table": TABLE,
}  # fmt: skip
NOBODY = StrokeDrawing("made", "made/nobody", 6.0, "house", ())
TRUNK = Trunk(BUNDLE / "trunk.onnx")
DRAWN = ("house", "cat", "car", "fish", "tree", "cup")


def ink_of(picture: Image.Image) -> np.ndarray:
    crop = crop_to_ink(find_drawing(on_white(picture)))
    assert crop is not None
    return crop.ink


@pytest.mark.parametrize("mark", NAMED)
def test_a_marked_sheet_has_the_ink_of_the_plain_one(mark: str) -> None:
    differences = []
    for number, category in enumerate(DRAWN):
        plain = a4(a_stroke_drawing(category, seed=number), share=0.7)
        marked = MARKS[mark](plain, np.random.default_rng(number))
        differences.append(np.abs(ink_of(marked) - ink_of(plain)).mean())
    assert np.median(differences) < 0.02


# Two holes are two rings: the gate refuses them (tests/inference/test_independence.py).
@pytest.mark.parametrize("mark", sorted(NAMED.keys() - {"two holes"}))
def test_a_marked_sheet_without_a_drawing_has_no_strokes(mark: str) -> None:
    for seed in range(6):
        marked = MARKS[mark](a4(NOBODY), np.random.default_rng(seed))
        assert extract(TRUNK, on_white(marked)) is None


@pytest.mark.parametrize(("mark", "name"), NAMED.items())
def test_what_was_taken_off_is_named(mark: str, name: str) -> None:
    marked = MARKS[mark](a4(a_stroke_drawing(), share=0.7), np.random.default_rng(1))
    assert name in find_drawing(on_white(marked)).notes


@pytest.mark.parametrize("category", DRAWN)
def test_nothing_is_taken_off_a_plain_sheet(category: str) -> None:
    assert find_drawing(on_white(draw(a_stroke_drawing(category)))).notes == ()


@pytest.mark.parametrize("margin", [0, 2, 5, 12])
@pytest.mark.parametrize("category", DRAWN)
def test_a_picture_cropped_to_the_drawing_keeps_all_of_it(category: str, margin: int) -> None:
    whole = draw(a_stroke_drawing(category))
    box = ImageOps.invert(whole).getbbox()
    assert box is not None
    cropped = ImageOps.expand(whole.crop(box), margin, 255)
    kept, found = (find_drawing(on_white(one)) for one in (whole, cropped))
    assert found.notes == ()
    assert found.marked.sum() == pytest.approx(kept.marked.sum(), rel=0.01)


def test_a_pencil_beside_a_black_edge_is_read() -> None:
    sheet = pale(a_stroke_drawing())
    scanned = sheet.copy()
    scanned.paste(8, (sheet.width - 12, 0, sheet.width, sheet.height))
    alone, beside = (find_drawing(on_white(one)) for one in (sheet, scanned))
    assert beside.notes == (EDGES,)
    assert beside.marked.sum() == pytest.approx(alone.marked.sum(), rel=0.05)


@pytest.mark.parametrize("category", DRAWN)
def test_a_sheet_on_a_dark_table_is_found(category: str) -> None:
    sheet = a4(a_stroke_drawing(category), share=0.7)
    table = Image.new("L", (sheet.width * 3 // 2, sheet.height * 3 // 2), 45)
    table.paste(sheet, (sheet.width // 5, sheet.height // 4))
    found = find_drawing(on_white(table))
    assert found.notes == (TABLE,)
    assert not found.dark
    assert np.abs(ink_of(table) - ink_of(sheet)).mean() < 0.02


def cleaned(sheet: Image.Image) -> Cleaned:
    return without_clutter(np.asarray(sheet) / 255, INK, speck=9)


def test_a_line_by_hand_stays() -> None:
    sheet = Image.new("L", (384, 384))
    wobble = 200 + 3 * np.sin(np.linspace(0, 9, 77))
    line = list(zip(range(0, 385, 5), wobble, strict=True))
    ImageDraw.Draw(sheet).line(line, fill=255, width=3)
    assert cleaned(sheet).notes == ()
    assert (cleaned(sheet).ink == np.asarray(sheet) / 255).all()


def test_a_stroke_that_crosses_a_line_stays_whole() -> None:
    sheet = Image.new("L", (384, 384))
    pen = ImageDraw.Draw(sheet)
    for y in range(20, 384, 30):
        pen.line((0, y, 384, y), fill=140, width=2)
    pen.line((100, 40, 200, 340), fill=255, width=5)
    found = cleaned(sheet)
    assert found.notes == (LINES,)
    assert (found.ink[45:335].max(1) > 0.9).all()
    assert found.ink[:, 300:].max() == 0


Box = tuple[int, int, int, int]


def sheet(*boxes: Box) -> np.ndarray:
    picture = Image.new("L", (300, 300))
    for box in boxes:
        ImageDraw.Draw(picture).ellipse(box, outline=255, width=3)
    return np.asarray(picture) > 128


DRAWING, FAR_AND_SMALL = (60, 90, 200, 240), (260, 5, 285, 25)


def test_a_drawing_by_itself_is_left_alone() -> None:
    beside, several = beside_the_drawing(sheet(DRAWING, (100, 130, 120, 150)))
    assert not beside.any()
    assert not several


def test_a_small_mark_far_from_the_drawing_lies_beside_it() -> None:
    marked = sheet(DRAWING, FAR_AND_SMALL)
    beside, _ = beside_the_drawing(marked)
    assert ((marked & beside) == sheet(FAR_AND_SMALL)).all()


def test_a_small_part_close_to_the_drawing_belongs_to_it() -> None:
    assert not beside_the_drawing(sheet(DRAWING, (205, 100, 225, 120)))[0].any()


def test_two_large_groups_are_several_drawings_and_both_stay() -> None:
    beside, several = beside_the_drawing(sheet((10, 10, 120, 120), (170, 150, 290, 290)))
    assert not beside.any()
    assert several


def test_what_is_found_does_not_depend_on_the_size_of_the_sheet() -> None:
    marked = sheet(DRAWING, FAR_AND_SMALL)
    wide = np.zeros((900, 900), bool)
    wide[400:700, 300:600] = marked
    beside, _ = beside_the_drawing(wide)
    assert ((wide & beside)[400:700, 300:600] == sheet(FAR_AND_SMALL)).all()


def test_a_bare_sheet_has_nothing_beside() -> None:
    assert not beside_the_drawing(np.zeros((50, 60), bool))[0].any()
