"""Pages in words: what was measured is shown, what was not is said to be unknown."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.bootstrap import Services
from app.scoring.assessment import LEVEL
from app.storage import tables
from app.web.app import create_app
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import Visitor, a_png

EARLIER_NORM = ("category", "age_band", "references", "children", "domain", "local")


def result_page(services: Services, analyzer: FakeAnalyzer) -> str:
    visitor = Visitor(create_app(replace(services, analyzer=analyzer)))
    location = visitor.submits(a_png(), to="/upload", age_years="6").headers["location"]
    return visitor.opens(location).text


def test_a_result_is_shown_with_its_uncertainty(services: Services) -> None:
    page = result_page(services, FakeAnalyzer())
    assert "This drawing is very unusual for this age:" in page
    assert "<strong>about 3 in 100</strong> are at least as unusual" in page
    assert "any age from about 4 to 8" in page
    assert "6.4" not in page
    assert "1440 by 120 children" in page
    assert "<dt>Model version</dt><dd>test-1" in page


def test_where_no_map_could_be_made_the_page_says_so(services: Services) -> None:
    page = result_page(services, FakeAnalyzer(with_map=False))
    assert "No map of the strokes could be made" in page
    assert "None" not in page


@pytest.mark.parametrize("path", ["/", "/demo", "/privacy", "/upload", "result"])
def test_no_page_uses_the_forbidden_words(services: Services, path: str) -> None:
    if path == "result":
        page = result_page(services, FakeAnalyzer())
    else:
        page = Visitor(create_app(services)).opens(path).text
    assert not re.search(r"abnormal|\bIQ\b|confidence", page)
    denied = r"not\s+a\s+diagnosis|not for medical diagnosis"
    assert "diagnosis" not in re.sub(denied, "", page)


def test_a_result_not_kept_is_shown_at_once(visitor: Visitor) -> None:
    page = visitor.submits(a_png(), to="/upload", age_years="6", keep="false")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert page.text.count("data:image/png;base64,") == 2
    assert "This picture was not kept." in page.text


@pytest.mark.parametrize("path", ["/", "/demo"])
def test_a_page_says_when_there_are_no_examples(visitor: Visitor, path: str) -> None:
    assert "No examples have been prepared" in visitor.opens(path).text
    assert visitor.opens("/api/demo").json() == {"samples": []}


def test_a_result_page_is_kept_from_search_engines_and_names_its_twin(visitor: Visitor) -> None:
    body = visitor.submits(a_png(), age_years="6").json()
    page = visitor.opens(body["links"]["page"])
    assert page.headers["x-robots-tag"] == "noindex"
    assert f'type="application/json" href="{body["links"]["self"]}"' in page.text


def test_an_answer_that_an_earlier_release_kept_is_still_shown(
    services: Services, visitor: Visitor
) -> None:
    kept = visitor.submits(a_png(), age_years="6").json()
    with services.stores.database.writing() as tx:
        row = tx.scalars(select(tables.Analysis)).one()
        norm = {name: row.result["norm"][name] for name in EARLIER_NORM}
        others = {name: said for name, said in row.result.items() if name != "stands_out"}
        row.result = others | {"norm": norm}
    page = visitor.opens(kept["links"]["page"])
    assert page.status_code == 200
    assert "This drawing is very unusual" in page.text
    assert "about age" not in page.text.split("</h1>")[1].split("How unusual")[1]


def test_a_name_that_is_not_known_is_answered_with_the_nearest_that_is(visitor: Visitor) -> None:
    kept = visitor.submits(a_png(), age_years="6", category="Houses").json()
    said = "We have no reference drawings named “houses”; the nearest name that we have is “house”."
    assert said in kept["analysis"]["sentences"]
    assert kept["analysis"]["norm"]["category_left_out"] == {
        "name": "houses", "known": False, "nearest": ["house"],
    }  # fmt: skip
    assert said in visitor.opens(kept["links"]["page"]).text


def test_a_part_stands_out_only_in_a_drawing_that_is_unusual_as_a_whole(
    services: Services,
) -> None:
    unusual = result_page(services, FakeAnalyzer(p_value=0.03, parts=0.009))
    usual = result_page(services, FakeAnalyzer(p_value=0.6, parts=0.009))
    assert unusual.count(">stands out</span>") == 1
    assert ">stands out</span>" not in usual
    assert "What stands out" not in usual


@pytest.mark.parametrize(("p_value", "said"), [(0.01, "Orange lies behind"), (0.4, "no finding")])
def test_the_map_is_a_finding_only_if_parts_stand_out(
    services: Services, p_value: float, said: str
) -> None:
    page = result_page(services, FakeAnalyzer(parts=p_value))
    assert said in page
    assert "cannot show what is missing" in page
    assert ("checked" in page) == (p_value <= LEVEL)
