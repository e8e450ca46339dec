"""Pictures of one house, made by program: the sheet around it and its polarity change nothing."""

import io
from pathlib import Path

import pytest
from PIL import Image

from app.inference.analysis import Analysis
from app.scoring.assessment import Verdict
from tests.cases.conftest import shipped

HERE = Path(__file__).parent
STRIP = 15  # px at the right


def answered(name: str) -> Analysis:
    return shipped().analyze((HERE / f"{name}.png").read_bytes(), 5.4, "house")


def p_value(name: str) -> float:
    found = answered(name).assessment.p_value
    assert found is not None
    return found


@pytest.mark.parametrize(
    "name",
    ["min_frame_1px", "white_on_black", "white_on_transparent", "grey8_paper_is_0_trns0"],
)
def test_the_same_house_gets_the_same_answer(name: str) -> None:
    assert p_value(name) == pytest.approx(p_value("base"), abs=0.1)


def test_a_scanners_edge_strip_is_taken_off_and_named() -> None:
    with_strip = answered("min_edge_strip")
    assert with_strip.sheet.left_out == ("edges",)
    assert with_strip.assessment.p_value is not None
    assert without_strip() == pytest.approx(with_strip.assessment.p_value, abs=0.1)


def without_strip() -> float:
    with Image.open(HERE / "min_edge_strip.png") as scan:
        sheet = scan.crop((0, 0, scan.width - STRIP, scan.height))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    found = shipped().analyze(file.getvalue(), 5.4, "house").assessment.p_value
    assert found is not None
    return found


def test_a_small_drawing_on_a_large_sheet_is_answered_as_the_drawing_alone() -> None:
    alone = p_value("min_small_cropped")
    assert p_value("min_small_on_a4") == pytest.approx(alone, abs=0.1)


@pytest.mark.parametrize("name", ["min_only_fold", "min_only_ruled"])
def test_a_sheet_without_a_drawing_is_none(name: str) -> None:
    assert answered(name).assessment.verdict is Verdict.NOT_A_DRAWING


def test_a_house_filled_with_crayon_is_a_drawing() -> None:
    assert answered("crayon_filled").assessment.verdict is not Verdict.NOT_A_DRAWING
