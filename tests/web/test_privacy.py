"""What /privacy says is how the site is set up."""

from dataclasses import replace

import pytest
from fastapi.routing import iter_route_contexts

from app.bootstrap import Services
from app.usage.requests import RequestCounter
from app.web.access import level_of
from app.web.app import create_app
from tests.support.people.visitors import Visitor, a_png

SAID = "For demonstration only, not for medical diagnosis."


def page(services: Services) -> str:
    text = Visitor(create_app(services)).opens("/privacy").text
    return " ".join(text.split())


@pytest.mark.parametrize("days", [7, 30])
def test_it_says_how_long_drawings_are_kept_and_how_they_are_deleted(
    services: Services, days: int
) -> None:
    said = page(replace(services, retention_days=days))
    assert f"is kept for {days} days unless you say otherwise" in said
    assert "<code>keep=false</code>" in said
    assert "POST /drawings/{id}/forget" in said
    assert "for up to 13 months" in said


def test_where_nothing_is_kept_it_says_that_alone(services: Services) -> None:
    said = page(replace(services, keep_uploads=False))
    assert "This site stores no drawings" in said
    assert "days" not in said.split("<main")[1]
    assert "forget" not in said


def test_what_is_counted_is_said_where_something_is(
    services: Services,
) -> None:
    said = page(services)
    assert "one line of numbers stays" in said
    assert "thrown away when the day is over" in said
    door = replace(services, requests=RequestCounter(None, None, services.requests.signals))
    for word in ("line of numbers", "fingerprint of the address and the kind"):
        assert word in said
        assert word not in page(door)


def test_the_cookie_of_the_login_is_named_where_there_is_a_login(services: Services) -> None:
    assert "ends after 12 hours" in page(services)
    assert "when they log in" not in page(replace(services, access=None))


def test_it_is_true_that_visitors_get_no_cookie(services: Services) -> None:
    visitor = Visitor(create_app(services))
    for path in ("/", "/demo", "/privacy", "/upload", "/login"):
        assert "set-cookie" not in visitor.opens(path).headers
    assert "set-cookie" not in visitor.submits(a_png(), to="/upload", age_years="6").headers


def test_every_public_page_says_that_it_is_for_demonstration_only(services: Services) -> None:
    app = create_app(services)
    visitor = Visitor(app)
    kept = visitor.submits(a_png(), age_years="6").json()["id"]
    pages = set()
    for route in iter_route_contexts(app.routes):
        if level_of(route.endpoint) == "public" and "GET" in (route.methods or ()):
            answer = visitor.opens(str(route.path).replace("{drawing_id}", kept))
            if answer.headers["content-type"].startswith("text/html"):
                pages.add(route.path)
                assert SAID in answer.text, route.path
    assert pages >= {"/", "/demo", "/privacy", "/upload", "/login", "/drawings/{drawing_id}"}


def test_what_is_answered_to_a_form_says_so_too(visitor: Visitor) -> None:
    unkept = visitor.submits(a_png(), to="/upload", age_years="6", keep="false")
    refused = visitor.submits(a_png(), to="/upload", age_years="none")
    kept = visitor.submits(a_png(), age_years="6").json()["links"]["page"]
    forgotten = visitor.asks("POST", f"{kept}/forget")
    for answer in (unkept, refused, forgotten, visitor.opens("/nowhere")):
        assert SAID in answer.text
