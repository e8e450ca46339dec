from dataclasses import replace
from typing import Any

import pytest

from app.scoring.assessment import (
    TERMS,
    AgeEstimate,
    Assessment,
    CategoryLeftOut,
    DomainMatch,
    NormUsed,
    Reason,
    Verdict,
)
from app.scoring.sitting import Method, SittingAssessment
from app.wording import SheetNotes, how_many, result_word, sentences, sitting_sentences

NORM = NormUsed("house", "5", 400, 200, "finger-on-tablet line drawings", ages=(4, 8))
USUAL = Assessment(
    Verdict.DRAWING, 0.05, DomainMatch(True, 0.4), NORM, 40.0, 0.6, 0.005, False,
    dict.fromkeys(TERMS, 0.4), AgeEstimate(5.8, 4.0, 7.6),
)  # fmt: skip
UNCLEAR = replace(
    USUAL, verdict=Verdict.NO_NORM, reason=Reason.UNCLEAR_STROKES, p_value=None, terms=None,
    domain=DomainMatch(False, 2.0), apparent_age=None,
)  # fmt: skip
LOCAL = replace(USUAL, norm=NormUsed("house", "5", 90, 70, "kindergarten", local=True))
SITTING = SittingAssessment(
    0.05, 4, 4, 0.03, 0.01, Method.CALIBRATED, 0.21, AgeEstimate(5.8, 4.2, 7.4), (4, 8)
)
FORBIDDEN = ("abnormal", "iq ", "confidence")


@pytest.mark.parametrize(
    ("p_value", "flagged", "word"),
    [(0.6, False, "usual"), (0.1, False, "a little unusual"), (0.04, True, "very unusual")],
)
def test_the_word_follows_the_p_value(p_value: float, flagged: bool, word: str) -> None:
    assessment = replace(USUAL, p_value=p_value, flagged=flagged)
    assert result_word(p_value, assessment.level) == word
    assert f"This drawing is {word} for this age:" in sentences(assessment)[0]


TERMS_AT_HALF: dict[str, float | None] = dict.fromkeys(TERMS, 0.5)


def test_the_two_strongest_terms_stand_out() -> None:
    terms = TERMS_AT_HALF | {"marks": 0.004, "age": 0.009, "category": 0.005}
    assert (
        "What stands out is how its strokes run and where they lie, and how little it looks like "
        "what it is said to show."
    ) in sentences(replace(USUAL, terms=terms, p_value=0.02, flagged=True))


@pytest.mark.parametrize(
    ("terms", "p_value"),
    [
        (TERMS_AT_HALF | {"marks": 0.001}, 0.21),
        (TERMS_AT_HALF | {"marks": 0.0084}, 0.02),
        (dict.fromkeys(TERMS), 0.02),
    ],
    ids=["the whole is usual", "ordinary for the strongest of six", "none was measured"],
)
def test_nothing_else_is_said_to_stand_out(terms: dict[str, float | None], p_value: float) -> None:
    answer = replace(USUAL, terms=terms, p_value=p_value)
    assert not any("stands out" in sentence for sentence in sentences(answer))
    assert answer.as_json()["stands_out"] == []


def test_every_answer_is_free_of_words_that_promise_too_much() -> None:
    answers = (
        USUAL,
        replace(USUAL, verdict=Verdict.NO_NORM, p_value=None),
        Assessment(Verdict.NOT_A_DRAWING, 0.05, DomainMatch(False, None), NORM),
        UNCLEAR,
        LOCAL,
    )
    sittings = (SITTING, replace(SITTING, p_value=None), replace(SITTING, method=Method.SINGLE))
    every = [sentences(a) for a in answers] + [sitting_sentences(s, 1) for s in sittings]
    for said in (" ".join(one).lower() for one in every):
        assert not any(word in said for word in FORBIDDEN)
        assert said.count("diagnosis") == said.count("not a diagnosis")


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (17, "; 17 of them show “house”."),
        (1, "; 1 of them shows “house”."),
        (0, "; none of them show “house”."),
        (None, "each judged as what it shows."),
    ],
)
def test_both_numbers_of_drawings_are_said(count: int | None, said: str) -> None:
    compared_with = sentences(replace(USUAL, norm=replace(NORM, same_category=count)))[1]
    assert "with 400 drawings by 200 children aged 5" in compared_with
    assert compared_with.endswith(said)


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (("sofa", False, ("couch",)), "named “sofa”; the nearest name that we have is “couch”."),
        (("hous", False, ("house", "shoe", "horse")), "are “house”, “shoe” and “horse”."),
        (("x" * 99, False), "We have no reference drawings named “…”."),
        (("bed", True), "We have too few reference drawings named “bed” to compare it with them."),
    ],
    ids=["one near", "several near", "none near and long", "too few"],
)
def test_a_name_that_could_not_be_used_is_said(left_out: tuple[Any, ...], said: str) -> None:
    norm = replace(NORM, category=None, left_out=CategoryLeftOut(*left_out))
    _, about_the_name, compared_with, *_ = sentences(replace(USUAL, norm=norm))
    assert about_the_name.endswith(said)
    assert compared_with.endswith("children aged 5, whatever they show.")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(4.3, 7.9, "from about 4 to 8"), (2.6, 6.1, "from about 4 to 7"), (6.2, 9.9, "about 6 to 8")],
)
def test_age_is_a_range_of_years_with_norms_and_comes_late(
    low: float, high: float, said: str
) -> None:
    answer = sentences(replace(USUAL, apparent_age=AgeEstimate((low + high) / 2, low, high)))
    (place,) = (i for i, sentence in enumerate(answer) if "very little about age" in sentence)
    assert place >= 2
    assert said in answer[place]
    assert "." not in answer[place][:-1]


def test_no_age_is_said_of_a_drawing_of_an_age_without_norms() -> None:
    twelve = replace(UNCLEAR, reason=Reason.TOO_FEW_REFERENCES, apparent_age=USUAL.apparent_age)
    beyond = replace(USUAL, apparent_age=AgeEstimate(9.8, 8.0, 11.6))
    for answer in (twelve, beyond):
        assert not any("about age" in sentence for sentence in sentences(answer))
        assert answer.as_json()["apparent_age"]["years"] > 5


def test_what_was_not_compared_has_no_result_word() -> None:
    assert result_word(None, 0.05) == how_many(None, None, 0.05) == "not compared"


def test_what_was_left_out_and_several_drawings_are_said() -> None:
    said = sentences(USUAL, SheetNotes(("edges", "shadows", "table"), several=True))
    assert (
        "What is no part of the drawing was left out of the comparison: scanner edges, shadows "
        "and what lies around the sheet."
    ) in said
    assert any(sentence.startswith("There seem to be several drawings") for sentence in said)
    assert not any("left out" in sentence for sentence in sentences(USUAL))


def test_light_strokes_on_a_dark_sheet_are_said() -> None:
    assert sum("light strokes" in one for one in sentences(USUAL, SheetNotes(dark=True))) == 1
    assert not any("light strokes" in one for one in sentences(USUAL))


def test_norms_of_no_age_at_all_leave_nothing_to_do() -> None:
    few = replace(UNCLEAR, reason=Reason.TOO_FEW_REFERENCES, norm=replace(NORM, ages=None))
    assert len(sentences(few)) == 1


def test_a_local_comparison_names_whose_drawings_it_was_with() -> None:
    answer, with_what, *_ = sentences(LOCAL)
    assert "of the drawings of “kindergarten”, about 60 in 100 are at least as unusual" in answer
    assert "90 drawings by 70 children of “kindergarten” of all ages" in with_what


def test_a_sitting_says_how_the_dependence_was_allowed_for() -> None:
    said = sitting_sentences(SITTING, 0)
    assert said[0].startswith("Together the 4 drawings are very unusual for this age: of children")
    assert "about 3 in 100 make drawings that together are at least as unusual" in said[0]
    assert "a correlation of 0.21 is allowed for" in said[1]
    assert "Together they could be by a child of any age from about 4 to 8." in said
    unknown = sitting_sentences(replace(SITTING, method=Method.TWICE_THE_MEAN), 0)
    assert "at most about 3 in 100 make drawings" in unknown[0]
    assert "twice the mean" in unknown[1]


def test_a_sitting_without_any_comparison_says_so() -> None:
    none = SittingAssessment(0.05, 0, 0)
    assert "None of the drawings could be compared" in sitting_sentences(none, 2)[0]
    assert "2 drawings were left out" in sitting_sentences(none, 2)[1]
