"""What visitors see before our paths is in every link, and never in the way of a route."""

import re
from collections.abc import Iterator

import pytest

from app.bootstrap import Services
from app.web.app import create_app
from app.web.deps import without_root
from app.web.front import Front
from tests.support.people.visitors import Visitor, a_png

PREFIXES = ["", "/drawings", "/api", "/a/b"]


@pytest.fixture(params=PREFIXES)
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def visitor(services: Services, prefix: str) -> Visitor:
    """Who comes through something that takes the prefix off."""
    return Visitor(create_app(services, front=Front(f"https://example.org{prefix}")))


def links(html: str) -> Iterator[str]:
    return (link for link in re.findall(r'(?:href|src|action)="([^"]+)"', html) if link[0] == "/")


def test_every_link_of_a_result_begins_with_it_and_is_served_without_it(
    visitor: Visitor, prefix: str
) -> None:
    told = visitor.submits(a_png(), age_years="6").json()["links"]
    page = visitor.opens(told["page"].removeprefix(prefix))
    assert page.status_code == 200
    followed = {*links(page.text), *filter(None, told.values())}
    assert len(followed) >= 9
    forget = f"{told['page']}/forget"
    for link in [*(followed - {forget}), forget]:
        assert link.startswith(f"{prefix}/")
        method = "POST" if link == forget else "GET"
        assert visitor.asks(method, link.removeprefix(prefix)).status_code == 200, link


def test_it_may_stand_in_the_path_still(services: Services) -> None:
    visitor = Visitor(create_app(services, front=Front("https://example.org/sketch")))
    for link in links(visitor.opens("/sketch/").text):
        assert visitor.opens(link).status_code == 200, link
        assert visitor.opens(link.removeprefix("/sketch")).status_code == 200, link


@pytest.mark.parametrize("host", ["evil.example", "testserver"])
def test_a_slash_too_many_is_mended_within_the_site(
    visitor: Visitor, prefix: str, host: str
) -> None:
    answer = visitor.asks("GET", "/upload/?age_years=6", headers={"Host": host})
    assert answer.status_code == 307
    assert answer.headers["location"] == f"{prefix}/upload?age_years=6"


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/upload/", "/\\evil.example/"])
def test_no_path_leads_to_another_site(visitor: Visitor, path: str) -> None:
    answer = visitor.opens(f"http://testserver{path}")  # whole, or the path would name a host
    assert "evil" not in answer.headers.get("location", "")


def test_what_is_for_programs_is_told_by_our_path_alone(visitor: Visitor, prefix: str) -> None:
    assert (
        visitor.opens("/nowhere", accept="text/html")
        .headers["content-type"]
        .startswith("text/html")
    )
    assert visitor.opens("/api/nowhere", accept="text/html").json()["status"] == 404
    from_elsewhere = visitor.submits(
        a_png(), to="/upload", headers={"Sec-Fetch-Site": "cross-site"}, age_years="6"
    )
    assert from_elsewhere.status_code == 403


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/prod", "/"), ("/prod/upload", "/upload"), ("/production", "/production"), ("/", "/")],
)
def test_only_whole_steps_of_a_path_are_a_root(path: str, expected: str) -> None:
    assert without_root(path, "/prod") == expected
