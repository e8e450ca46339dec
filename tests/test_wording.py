from dataclasses import replace

import pytest

from app.scoring.assessment import AgeEstimate, Assessment, DomainMatch, NormUsed, Verdict
from app.wording import result_word, sentences

NORM = NormUsed("house", "5", 400, 200, "finger-on-tablet line drawings")
USUAL = Assessment(
    Verdict.DRAWING, 0.05, DomainMatch(True, 0.4), NORM, 40.0, 0.6, 0.005, False,
    {"typicality": 0.5, "marks": 0.7, "age": 0.4, "category": 0.8}, AgeEstimate(5.8, 4.0, 7.6),
)  # fmt: skip
FORBIDDEN = ("abnormal", "iq ", "confidence")


@pytest.mark.parametrize(
    ("p_value", "flagged", "word"),
    [(0.6, False, "usual"), (0.1, False, "less usual"), (0.04, True, "rare here")],
)
def test_the_word_follows_the_p_value(p_value: float, flagged: bool, word: str) -> None:
    assessment = replace(USUAL, p_value=p_value, flagged=flagged)
    assert result_word(p_value, assessment.level) == word
    assert word in sentences(assessment)[0]


def test_what_stands_out_is_named() -> None:
    terms: dict[str, float | None] = {
        "typicality": 0.5,
        "marks": 0.01,
        "age": 0.4,
        "category": 0.02,
    }
    said = sentences(replace(USUAL, terms=terms, p_value=0.02, flagged=True))
    assert "its strokes and their layout and how little it looks like what it was named" in said[2]


def test_every_answer_is_free_of_words_that_promise_too_much() -> None:
    answers = (
        USUAL,
        replace(USUAL, verdict=Verdict.NO_NORM, p_value=None),
        Assessment(Verdict.NOT_A_DRAWING, 0.05, DomainMatch(False, None), NORM),
        replace(USUAL, domain=DomainMatch(False, 2.0)),
    )
    for assessment in answers:
        said = " ".join(sentences(assessment)).lower()
        assert not any(word in said for word in FORBIDDEN)
        assert said.count("diagnosis") == said.count("not a diagnosis")


def test_the_number_of_children_and_drawings_is_said() -> None:
    assert "400 drawings of 200 children" in sentences(USUAL)[1]


def test_what_was_not_compared_has_no_result_word() -> None:
    assert result_word(None, 0.05) == "not measured"
