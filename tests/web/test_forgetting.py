"""Whoever has the link of a drawing can delete it, with a browser or a program."""

import re
from dataclasses import replace
from typing import Any

import pytest

from app.bootstrap import Services
from app.web.app import create_app
from tests.conftest import StoredCount
from tests.support.people.visitors import HTML, JSON, Visitor, a_png
from tests.support.stores.sites import Site

MARKER = 1  # the one file that stays


@pytest.fixture
def links(visitor: Visitor) -> dict[str, str]:
    """The addresses of a drawing that was handed in."""
    found: dict[str, str] = visitor.submits(a_png(), age_years="6").json()["links"]
    return found


@pytest.fixture
def example(services: Services, visitor: Visitor) -> dict[str, Any]:
    """A drawing that the first page shows."""
    drawing: dict[str, Any] = visitor.submits(a_png(), age_years="6").json()
    Site(services.stores.database, services.stores.blobs).shows(drawing["id"])
    return drawing


def confirm(visitor: Visitor, page: str) -> str:
    """Where the form of the result page leads."""
    found = re.search(r'<form method="post" action="([^"]+/forget)">', visitor.opens(page).text)
    assert found is not None
    return found[1]


def test_the_page_of_the_result_deletes_it_after_a_second_press(
    visitor: Visitor, links: dict[str, str], stored: StoredCount
) -> None:
    page = visitor.opens(links["page"]).text
    assert page.index("<summary>Delete this drawing now</summary>") < page.index("/forget")
    said = visitor.asks("POST", confirm(visitor, links["page"]), headers=HTML)
    assert said.status_code == 200
    assert "<h1>The drawing is deleted</h1>" in said.text
    assert "for up to 13 months" in said.text
    assert "cannot be reached just now" not in said.text
    assert stored() == (0, MARKER)


def test_afterwards_no_address_of_it_leads_anywhere(
    visitor: Visitor, links: dict[str, str]
) -> None:
    visitor.asks("POST", f"{links['page']}/forget")
    assert {visitor.opens(link).status_code for link in links.values()} == {404}
    assert "was deleted" in visitor.opens(links["page"]).text


def test_the_browser_is_told_to_drop_the_picture_it_still_has(
    visitor: Visitor, links: dict[str, str]
) -> None:
    said = visitor.asks("POST", f"{links['page']}/forget")
    assert said.headers["clear-site-data"] == '"cache"'
    assert said.headers["cache-control"] == "no-store"


def test_pressed_again_it_says_that_there_is_no_such_drawing(
    visitor: Visitor, links: dict[str, str]
) -> None:
    visitor.asks("POST", f"{links['page']}/forget")
    again = visitor.asks("POST", f"{links['page']}/forget", headers=HTML)
    assert again.status_code == 404
    assert "There is no drawing at this link" in again.text


def test_another_site_cannot_delete_in_a_visitors_name(
    visitor: Visitor, links: dict[str, str], stored: StoredCount
) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert visitor.asks("POST", f"{links['page']}/forget", headers=headers).status_code == 403
    assert stored() == (1, 2)


def test_to_open_the_address_deletes_nothing(
    visitor: Visitor, links: dict[str, str], stored: StoredCount
) -> None:
    assert visitor.opens(f"{links['page']}/forget").status_code == 405
    assert stored() == (1, 2)


def test_a_program_is_answered_once_with_204_and_then_with_404(
    visitor: Visitor, links: dict[str, str], stored: StoredCount
) -> None:
    first = visitor.asks("DELETE", links["self"], headers=JSON)
    assert (first.status_code, first.content) == (204, b"")
    assert stored() == (0, MARKER)
    second = visitor.asks("DELETE", links["self"], headers=JSON)
    assert (second.status_code, second.json()["title"]) == (404, "Not Found")


def test_a_repeated_upload_of_a_deleted_drawing_is_a_new_one(visitor: Visitor) -> None:
    attempt = {"Idempotency-Key": "once"}
    first = visitor.submits(a_png(), age_years="6", headers=attempt).json()
    visitor.asks("DELETE", first["links"]["self"])
    second = visitor.submits(a_png(), age_years="6", headers=attempt)
    assert second.status_code == 201
    assert second.json()["id"] != first["id"]


def test_an_example_has_no_button_and_is_not_deleted(
    visitor: Visitor, example: dict[str, Any], stored: StoredCount
) -> None:
    links = example["links"]
    assert "Delete this drawing" not in visitor.opens(links["page"]).text
    page = visitor.asks("POST", f"{links['page']}/forget", headers=HTML)
    problem = visitor.asks("DELETE", links["self"], headers=JSON)
    assert (page.status_code, problem.status_code) == (403, 403)
    assert "one of the examples" in page.text
    assert problem.json()["detail"] in page.text
    assert stored() == (1, 2)


def test_a_read_only_site_has_no_button_and_refuses(
    services: Services, links: dict[str, str], stored: StoredCount
) -> None:
    stores = replace(services.stores, database=replace(services.stores.database, read_only=True))
    visitor = Visitor(create_app(replace(services, stores=stores)))
    assert "Delete this drawing" not in visitor.opens(links["page"]).text
    refused = visitor.asks("DELETE", links["self"], headers=JSON)
    assert refused.status_code == 503
    assert refused.json()["detail"].startswith("Nothing can be deleted here")
    assert stored() == (1, 2)


def test_what_was_not_kept_has_nothing_to_delete(visitor: Visitor) -> None:
    page = visitor.submits(a_png(), to="/upload", age_years="6", keep="false").text
    assert "Delete this drawing" not in page
