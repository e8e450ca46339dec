"""Handing in a drawing: kept once, kept not at all, and asked for again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.bootstrap import Services
from app.web.app import create_app
from tests.conftest import StoredCount
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import Visitor, a_png

KEY = {"Idempotency-Key": "first-try"}


def test_a_drawing_is_kept_and_can_be_found_again(visitor: Visitor, stored: StoredCount) -> None:
    response = visitor.submits(a_png(), age_years="6.5", category="House")
    body = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == body["links"]["self"] == f"/api/drawings/{body['id']}"
    assert body["analysis"]["norm"]["category"] == "house"
    assert visitor.opens(body["links"]["self"]).json() == body
    assert stored() == (1, 2)


def test_the_same_request_again_gets_the_same_answer_and_makes_no_twin(
    visitor: Visitor, stored: StoredCount, analyzer: FakeAnalyzer
) -> None:
    first, again = (visitor.submits(a_png(), age_years="6", headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert stored() == (1, 2)
    assert analyzer.analysed == 1


@pytest.mark.parametrize(
    ("image", "age", "category"),
    [(a_png(colour="red"), "6", ""), (a_png(), "7", ""), (a_png(), "6", "cat")],
    ids=["another drawing", "another age", "another category"],
)
def test_a_key_used_for_something_else_is_refused(
    visitor: Visitor, stored: StoredCount, image: bytes, age: str, category: str
) -> None:
    visitor.submits(a_png(), age_years="6", headers=KEY)
    response = visitor.submits(image, age_years=age, category=category, headers=KEY)
    assert response.status_code == 422
    assert "Idempotency-Key" in response.json()["detail"]
    assert stored() == (1, 2)


def test_two_racing_requests_with_one_key_get_one_drawing(
    services: Services, stored: StoredCount
) -> None:
    # Both are being analysed before either is kept.
    analyzer = FakeAnalyzer(barrier=threading.Barrier(2))
    visitor = Visitor(create_app(replace(services, analyzer=analyzer)))

    def submits(_: int) -> tuple[int, str]:
        response = visitor.submits(a_png(), age_years="6", headers=KEY)
        return response.status_code, response.text

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(submits, range(2))
    assert first == second
    assert first[0] == 201
    assert stored() == (1, 2)


def test_a_form_sent_twice_makes_no_twin(visitor: Visitor, stored: StoredCount) -> None:
    first, again = (
        visitor.submits(a_png(), to="/upload", age_years="6", attempt="t") for _ in range(2)
    )
    assert first.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    assert stored() == (1, 2)


def test_a_corrected_form_is_a_new_drawing(visitor: Visitor, stored: StoredCount) -> None:
    for age in ("6", "7"):
        response = visitor.submits(a_png(), to="/upload", age_years=age, attempt="t")
        assert response.status_code == 303
    assert stored() == (2, 4)


def test_a_drawing_not_to_be_kept_is_answered_and_stored_nowhere(
    visitor: Visitor, stored: StoredCount
) -> None:
    response = visitor.submits(a_png(), age_years="6", keep="false")
    assert response.status_code == 200
    assert set(response.json()) == {"analysis", "map"}
    assert response.json()["map"].startswith("data:image/png;base64,")
    assert stored() == (0, 0)


def test_a_server_that_keeps_nothing_keeps_nothing(services: Services, stored: StoredCount) -> None:
    visitor = Visitor(create_app(replace(services, keep_uploads=False)))
    assert visitor.submits(a_png(), age_years="6", keep="true").status_code == 200
    page = visitor.submits(a_png(), to="/upload", age_years="6")
    assert page.status_code == 200
    assert "This picture was not kept" in page.text
    assert "This server keeps no drawings" in visitor.opens("/upload").text
    assert stored() == (0, 0)


def test_where_no_map_could_be_made_the_answer_says_so(services: Services) -> None:
    analyzer = FakeAnalyzer(with_map=False)
    visitor = Visitor(create_app(replace(services, analyzer=analyzer)))
    kept = visitor.submits(a_png(), age_years="6").json()
    unkept = visitor.submits(a_png(), age_years="6", keep="false").json()
    assert (kept["links"]["map"], unkept["map"]) == (None, None)
    assert kept["map_reason"] == unkept["map_reason"] == "No map could be made for this drawing."
    assert visitor.opens(f"/drawings/{kept['id']}/map.png").status_code == 404
