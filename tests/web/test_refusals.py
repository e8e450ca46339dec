"""Every refusal is one sentence, in the form that the asker reads, and stores nothing."""

from dataclasses import dataclass, replace
from html import unescape
from typing import Any

import pytest

from app.bootstrap import Services
from app.environment import Settings
from app.errors import BackupError, BundleError, SketchnormError
from app.inference.analysis import HOW, Analysis
from app.web.app import create_app
from tests.conftest import StoredCount
from tests.support.people.visitors import HTML, Visitor, a_png

DRAWING = a_png()
# What is sent, the status, and the sentence.
REFUSALS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no file": (
        {"image": None, "age_years": "6"},
        422,
        "No drawing was given; choose a picture file to send.",
    ),
    "an empty file": (
        {"image": b"", "age_years": "6"},
        422,
        "The file is empty; choose a picture of the drawing.",
    ),
    "text named .png": (
        {"image": b"not a picture", "age_years": "6"},
        415,
        "This is not a picture that can be read; send a PNG.",
    ),
    "a truncated picture": (
        {"image": DRAWING[: len(DRAWING) // 2], "age_years": "6"},
        415,
        "This is not a picture that can be read; send a PNG.",
    ),
    "no age": (
        {"image": DRAWING},
        422,
        "The age is missing; give the child's age in years, such as 6.5.",
    ),
    "an age in letters": (
        {"image": DRAWING, "age_years": "abc"},
        422,
        "“abc” is no age; give it in years, such as 6 or 6.5, or in years and months, such as 6;6 "
        "or 6y6m.",
    ),
    "an age that is no number": (
        {"image": DRAWING, "age_years": "nan"},
        422,
        f"“nan” is no age; {HOW}",
    ),
    "an age with two meanings": (
        {"image": DRAWING, "age_years": "5.10"},
        422,
        "An age of 5.10 may mean 5 years 1 month or 5 years 10 months; write 5;1 or 5;10.",
    ),
    "too young": (
        {"image": DRAWING, "age_years": "1.99"},
        422,
        "The age must be between 2 and 18 years, such as 5.5.",
    ),
    "too old": (
        {"image": DRAWING, "age_years": "19"},
        422,
        "The age must be between 2 and 18 years, such as 5.5.",
    ),
    "an age in months": (
        {"image": DRAWING, "age_years": "66"},
        422,
        "The age must be between 2 and 18 years, such as 5.5. If 66 are months, write 66 months.",
    ),
    "a category too long": (
        {"image": DRAWING, "age_years": "6", "category": "x" * 65},
        422,
        "Say what was drawn in at most 64 letters, such as: house.",
    ),
    "an unclear wish": (
        {"image": DRAWING, "age_years": "6", "keep": "perhaps"},
        422,
        "The field keep must be true or false.",
    ),
    "too many bytes": (
        {"image": b"x" * (2 * 1024 * 1024), "age_years": "6"},
        413,
        "The file is larger than 1 MB, the most that can be sent here; save the picture smaller, "
        "such as a JPEG at 300 dpi.",
    ),
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Of a package that takes little at once."""
    return replace(settings, largest_upload_mb=1)


EACH = pytest.mark.parametrize(("sent", "status", "sentence"), REFUSALS.values(), ids=REFUSALS)


@EACH
def test_a_program_is_refused_with_a_problem(
    visitor: Visitor, stored: StoredCount, sent: dict[str, Any], status: int, sentence: str
) -> None:
    response = visitor.submits(**sent)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert set(response.json()) == {"type", "title", "status", "detail"}
    assert (response.json()["status"], response.json()["detail"]) == (status, sentence)
    assert stored() == (0, 0)


@EACH
def test_a_person_is_refused_with_the_same_sentence_above_the_form(
    visitor: Visitor, stored: StoredCount, sent: dict[str, Any], status: int, sentence: str
) -> None:
    response = visitor.submits(**sent, to="/upload", headers=HTML)
    page = unescape(response.text)
    assert response.status_code == status
    assert sentence in page
    assert 'role="alert"' in page
    assert 'name="image"' in page
    assert stored() == (0, 0)


def test_the_form_comes_back_with_what_was_typed(visitor: Visitor) -> None:
    page = visitor.submits(
        b"junk", to="/upload", age_years="6.5", category='a "cat"', keep="false"
    ).text
    assert 'value="6.5"' in page
    assert 'value="a &#34;cat&#34;"' in page
    assert 'value="false" checked' in page


def test_a_drawing_sent_as_text_is_refused_in_words(visitor: Visitor) -> None:
    response = visitor.asks(
        "POST", "/api/drawings", files={"image": (None, b"text"), "age_years": (None, b"6")}
    )
    assert response.status_code == 422
    assert response.json()["detail"].startswith("The drawing must be sent as a file")


@pytest.mark.parametrize("age", ["2", "18.99", "7,5", " 6.5 ", "5;6", "5y6m", "66 months"])
def test_ages_from_2_to_18_are_read(visitor: Visitor, age: str) -> None:
    assert visitor.submits(a_png(), age_years=age).status_code == 201


@pytest.mark.parametrize(
    "path", ["/nowhere", "/drawings/none", "/drawings/none/map.png", "/static/site.css"]
)
def test_what_is_not_there_is_a_page_to_people_and_a_problem_to_programs(
    visitor: Visitor, path: str
) -> None:
    page = visitor.opens(path)
    problem = visitor.opens(path, accept="application/json")
    assert (page.status_code, problem.status_code) == (404, 404)
    assert problem.json()["detail"] in unescape(page.text)
    assert "<h1>Nothing is at this address</h1>" in page.text


def test_a_dead_link_to_a_drawing_says_what_may_have_become_of_it(visitor: Visitor) -> None:
    assert (
        "it was never kept, was deleted, or its time here is over"
        in visitor.opens("/drawings/none").text
    )


@dataclass(frozen=True)
class Broken:
    """An analyzer that has lost what it needs, and tells its operator how to mend that."""

    error: SketchnormError

    def analyze(self, *_: object, **__: object) -> Analysis:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"),
    [(BundleError("Run `sketchnorm train` in /srv."), 503), (BackupError("See /srv."), 500)],
)
def test_no_visitor_is_told_a_command_or_a_folder(
    services: Services, error: SketchnormError, status: int
) -> None:
    visitor = Visitor(create_app(replace(services, analyzer=Broken(error))))
    response = visitor.submits(DRAWING, age_years="6", to="/upload", headers=HTML)
    assert response.status_code == status
    assert "please try again later" in response.text
    assert "/srv" not in response.text


def test_a_page_that_takes_nothing_says_so_in_words(visitor: Visitor) -> None:
    page = visitor.asks("POST", "/", headers=HTML)
    assert page.status_code == 405
    assert "<h1>That cannot be done here</h1>" in page.text
    assert "This address can only be opened; nothing can be sent to it" in page.text


def test_a_wrong_method_is_a_problem_too(visitor: Visitor) -> None:
    response = visitor.asks("DELETE", "/api/drawings")
    assert response.status_code == 405
    assert response.json()["detail"] == "This address only takes what is sent to it with POST."
    assert response.headers["allow"] == "POST"
