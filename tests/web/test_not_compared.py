"""A picture that could not be compared: one reason, one thing to do, and nothing that differs."""

import re
from dataclasses import replace
from html import unescape

import pytest

from app.bootstrap import Services
from app.scoring.assessment import (
    LEVEL,
    AgeEstimate,
    Assessment,
    CategoryGuess,
    CategoryLeftOut,
    DomainMatch,
    NormUsed,
    Reason,
    Verdict,
)
from app.web.app import create_app
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import Visitor, a_png

NORM = NormUsed(
    None, "6", 400, 240, "line drawings", ages=(4, 8), left_out=CategoryLeftOut("sofa", False)
)
TEXT = Assessment(Verdict.NOT_A_DRAWING, LEVEL, DomainMatch(True, 0.4), NORM)
SEEN = replace(
    TEXT, verdict=Verdict.NO_NORM, apparent_age=AgeEstimate(6.1, 4.3, 7.9),
    categories=(CategoryGuess("house", 0.6),),
)  # fmt: skip
# What was found, why it was not compared, and what to do.
CASES = {
    "blank": (
        replace(TEXT, domain=DomainMatch(False, None)),
        "No strokes were found in this picture, so it was not compared with any drawing.",
        "If there is a drawing on it, send a scan, or a sharper picture taken in more light.",
    ),
    "text or a photograph": (
        TEXT,
        "This does not look like a drawing, so it was not compared with any.",
        "If it is one, send a scan or a sharp photograph that the drawing fills.",
    ),
    "an unknown kind": (
        replace(SEEN, reason=Reason.UNCLEAR_STROKES, domain=DomainMatch(False, 2.0)),
        "This drawing could not be compared: its strokes could not be told surely enough from the "
        "paper or from each other.",
        "A scan, or a sharp photograph in even light that the drawing fills, may help.",
    ),
    "age 12": (
        replace(
            SEEN, reason=Reason.TOO_FEW_REFERENCES, norm=replace(NORM, age_band="12", children=0)
        ),
        "This drawing could not be compared: too few of our reference drawings are by "
        "12-year-olds.",
        "A drawing by a child aged 4 to 8 can be compared.",
    ),
}
EACH = pytest.mark.parametrize(("assessment", "why", "what_to_do"), CASES.values(), ids=CASES)


def visitor_of(services: Services, assessment: Assessment) -> Visitor:
    return Visitor(create_app(replace(services, analyzer=FakeAnalyzer(answer=assessment))))


@EACH
def test_the_answer_is_one_reason_and_one_thing_to_do(
    services: Services, assessment: Assessment, why: str, what_to_do: str
) -> None:
    visitor = visitor_of(services, assessment)
    answer = visitor.submits(a_png(), age_years="6", keep="false").json()["analysis"]
    assert answer["sentences"] == [why, what_to_do]
    assert (answer["p_value"], answer["anomaly_score"], answer["flagged"]) == (None, None, None)


@EACH
@pytest.mark.parametrize("keep", ["true", "false"])
def test_the_page_says_that_and_nothing_else(
    services: Services, assessment: Assessment, why: str, what_to_do: str, keep: str
) -> None:
    visitor = visitor_of(services, assessment)
    shown = visitor.submits(a_png(), to="/upload", age_years="6", keep=keep)
    page = visitor.opens(shown.headers["location"]) if keep == "true" else shown
    text = words(page.text)
    assert text.count(why) == text.count(what_to_do) == 1
    for other in ("in 100", "Compared with", "looks most like", "Orange", "strokes that seem", "`"):
        assert other not in text
    assert "<svg" not in page.text
    assert re.findall(r"<h\d>(.+?)</h\d>", page.text) == [why]
    assert ">not compared</span>" in page.text


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())
