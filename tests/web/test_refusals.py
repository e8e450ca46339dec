"""Every refusal is one sentence, in the form that the asker reads, and stores nothing."""

from html import unescape
from typing import Any

import pytest

from app.inference.analysis import HOW
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
        {"image": b"x" * (5 * 1024 * 1024), "age_years": "6"},
        413,
        "The file is larger than 4 MB; send a smaller picture of the drawing.",
    ),
}
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


def test_a_wrong_method_is_a_problem_too(visitor: Visitor) -> None:
    response = visitor.asks("DELETE", "/api/drawings")
    assert response.status_code == 405
    assert response.json()["detail"] == "This address cannot be used that way."
    assert response.headers["allow"] == "POST"
