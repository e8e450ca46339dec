"""The answer depends on the drawing alone: a small, fast version of the evaluation's sections."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from app.imaging.intake import on_white
from app.inference.bundle import Bundle
from app.inference.features import extract
from app.scoring.assess import assess
from app.scoring.assessment import LEVEL, Verdict
from app.training.sheets import MARKS, PENS, SHEETS, StrokeDrawing, a4, draw, photographed
from tests.support.data.bundles import BUNDLE
from tests.support.data.strokes import a_stroke_drawing

CATEGORIES = ("house", "cat", "fish", "tree", "cup", "bird", "rabbit", "bear")
DRAWINGS = [
    a_stroke_drawing(category, 4.5 + seed % 4, seed) for seed, category in enumerate(CATEGORIES)
]
# Large pictures take their time: tests/training/test_sheets.py compares what the trunk sees there.
SLOW = {"A4 at 300 dpi", "A4 at 600 dpi", "five times the pixels"}
Picture = Callable[[StrokeDrawing], Image.Image]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.open(BUNDLE)


def p_values(bundle: Bundle, picture: Picture) -> np.ndarray:
    """Of every drawing, ``nan`` without one."""
    found = []
    for drawing in DRAWINGS:
        inked = extract(bundle.trunk, on_white(picture(drawing)))
        seen = inked.drawing if inked else None
        said = assess(bundle.norms, seen, drawing.age_years, drawing.category, LEVEL)
        found.append(np.nan if said.p_value is None else said.p_value)
    return np.array(found)


def marked(mark: str) -> Picture:
    rng = np.random.default_rng(5)
    return lambda drawing: MARKS[mark](a4(drawing, share=0.7), rng)


@pytest.fixture(scope="module")
def plain(bundle: Bundle) -> np.ndarray:
    return p_values(bundle, draw)


@pytest.fixture(scope="module")
def on_a4(bundle: Bundle) -> np.ndarray:
    return p_values(bundle, lambda drawing: a4(drawing, share=0.7))


@pytest.mark.parametrize("sheet", sorted(SHEETS.keys() - SLOW))
def test_the_sheet_does_not_change_the_answer(
    bundle: Bundle, plain: np.ndarray, sheet: str
) -> None:
    found = p_values(bundle, SHEETS[sheet])
    assert not np.isnan(found).any()
    assert np.median(np.abs(plain - found)) < 0.05


@pytest.mark.parametrize("pen", PENS)
def test_the_pen_does_not_change_the_answer(bundle: Bundle, plain: np.ndarray, pen: str) -> None:
    found = p_values(bundle, lambda drawing: draw(drawing, PENS[pen]))
    assert not np.isnan(found).any()
    assert np.median(np.abs(plain - found)) < 0.1


@pytest.mark.parametrize("mark", MARKS)
def test_what_belongs_to_the_sheet_does_not_change_the_answer(
    bundle: Bundle, on_a4: np.ndarray, mark: str
) -> None:
    found = p_values(bundle, marked(mark))
    assert not np.isnan(found).any()
    assert np.median(np.abs(on_a4 - found)) < 0.05


@pytest.mark.parametrize("mark", MARKS)
def test_a_sheet_without_a_drawing_is_none(bundle: Bundle, mark: str) -> None:
    rng = np.random.default_rng(6)
    nobody = StrokeDrawing("made", "made/nobody", 6.0, "house", ())
    for _ in range(6):
        inked = extract(bundle.trunk, on_white(MARKS[mark](a4(nobody), rng)))
        seen = inked.drawing if inked else None
        said = assess(bundle.norms, seen, 6.0, None, LEVEL)
        assert said.verdict is Verdict.NOT_A_DRAWING


def test_drawings_photographed_on_paper_are_drawings(bundle: Bundle) -> None:
    rng = np.random.default_rng(7)
    found = p_values(bundle, lambda drawing: photographed(drawing, rng))
    assert (~np.isnan(found)).sum() >= len(DRAWINGS) - 1
