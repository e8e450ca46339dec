"""A p-value becomes words in one way: whatever reads the answer reads the same, and it is true."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.cli.analysis import print_answer
from app.cli.console import out
from app.inference.analysis import Analysis, BundleReference
from app.scoring.assess import Standing
from app.scoring.assessment import TERMS, Assessment
from app.web.rendering import Rendering
from app.web.result_view import ResultView
from app.web.static_files import StaticFolder
from app.wording import how_many, how_often, result_word, sentences
from tests.support.data.analyzers import compared

PHRASE = re.compile(r"(fewer than|about|just over|just under) (\d+ in 100|half)|(nearly all)")
WORDS = re.compile(r"a little unusual|very unusual|usual")
LEVELS = st.sampled_from([0.01, 0.025, 0.05, 0.1, 0.2]) | st.floats(0.01, 0.2)
RENDERING = Rendering(StaticFolder.read())


@st.composite
def p_values(draw: st.DrawFn) -> tuple[float, float]:
    """A p-value as the comparison gives it, children weighted, and its resolution."""
    children = draw(st.integers(60, 5000))
    reached = draw(st.integers(0, children) | st.floats(0, children))
    return round((1 + reached) / (1 + children), 5), round(1 / (1 + children), 5)


def span(phrase: str) -> tuple[float, float]:
    """The shares that a phrase can be said of."""
    if phrase == "nearly all":
        return 0.95, 1
    close, said = re.fullmatch(r"(.+?) (half|\d+ in 100)", phrase).groups()  # type: ignore[union-attr]
    share, about = (0.5, 0.025) if said == "half" else (int(said.split()[0]) / 100, 0.005)
    return {
        "fewer than": (0, share),
        "about": (share - about, share + about),
        "just over": (share, share + about),
        "just under": (share - about, share),
    }[close]


@given(p_values(), LEVELS)
def test_what_is_said_is_true_and_claims_no_more_than_the_references_can(
    measured: tuple[float, float], level: float
) -> None:
    p_value, resolution = measured
    low, high = span(how_many(p_value, resolution, level))
    assert low - 1e-9 <= p_value <= high + 1e-9
    assert high > resolution


@given(p_values(), LEVELS)
def test_the_word_and_the_number_lie_on_the_same_side_of_every_limit(
    measured: tuple[float, float], level: float
) -> None:
    p_value, resolution = measured
    phrase = how_many(p_value, resolution, level)
    assume(phrase.startswith("about"))
    said = sum(span(phrase)) / 2
    assert result_word(round(said, 4), level) == result_word(p_value, level)


@given(p_values(), LEVELS)
def test_the_json_the_page_and_the_command_line_say_the_same(
    measured: tuple[float, float], level: float
) -> None:
    analysis = answer(*measured, level)
    heading = analysis.sentences[0]
    texts = (" ".join(analysis.sentences), page(analysis), printed(analysis))
    said = [{match.group() for match in PHRASE.finditer(text)} for text in texts]
    assert said == [{how_many(*measured, level)}] * 3
    assert all(heading in text for text in texts)
    chip = WORDS.search(heading)
    assert chip is not None
    assert f">{chip.group()}</span>" in page(analysis)
    assert analysis.as_json()["flagged"] == (chip.group() == "very unusual")


def answer(p_value: float, resolution: float, level: float) -> Analysis:
    """An analysis with one p-value for the whole and for every part."""
    assessment: Assessment = replace(
        compared(p_value), p_value=p_value, resolution=resolution, level=level,
        flagged=p_value <= level, terms=dict.fromkeys(TERMS, p_value),
        apparent_age=None,
    )  # fmt: skip
    said = sentences(assessment)
    return Analysis(assessment, said, BundleReference("1", "a" * 64), 1.0, b"", "image/png", None)


def page(analysis: Analysis) -> str:
    context = {
        "result": ResultView.of(analysis.as_json()),
        "age_years": 6.0, "picture_url": "", "map_url": None, "kept_id": None, "warning": None,
        "removable": False,
    }  # fmt: skip
    return bytes(RENDERING.page("result.html", context).body).decode()


def printed(analysis: Analysis) -> str:
    with out.capture() as captured:
        print_answer(analysis)
    return " ".join(re.sub(r"[│┃]", " ", captured.get()).split())


@pytest.mark.parametrize(
    ("p_value", "resolution", "said"),
    [
        (0.00415, 0.00415, "fewer than 1 in 100"),
        (0.01639, 0.01639, "fewer than 2 in 100"),
        (0.01, 0.01, "fewer than 2 in 100"),
        (0.0048, 0.00415, "fewer than 1 in 100"),
        (0.0099, 0.00415, "fewer than 1 in 100"),
        (0.0508, 0.00415, "just over 5 in 100"),
        (0.05, 0.00415, "about 5 in 100"),
        (0.153, 0.00415, "about 15 in 100"),
        (0.49, 0.00415, "about half"),
        (1.0, 0.00415, "nearly all"),
        (None, None, "not compared"),
    ],
)
def test_a_share_is_told_no_finer_than_it_is_known(
    p_value: float | None, resolution: float | None, said: str
) -> None:
    assert how_many(p_value, resolution, 0.05) == said


@pytest.mark.parametrize(
    ("p_value", "word"),
    [
        (0.05, "very unusual"),
        (0.05001, "a little unusual"),
        (0.2, "a little unusual"),
        (0.201, "usual"),
    ],
)
def test_there_are_three_words_for_a_result(p_value: float, word: str) -> None:
    assert result_word(p_value, level=0.05) == word


def test_how_often_a_word_is_given_follows_from_the_level() -> None:
    assert "about 5 are called very unusual and about 15 a little unusual" in how_often(0.05)


def test_what_is_flagged_follows_from_the_number_that_is_given_out() -> None:
    of_239_children = np.array([12 / 240], np.float32)  # a little over 0.05
    assert Standing(of_239_children, 95.0, 1 / 240).p_value == 0.05
