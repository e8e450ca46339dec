"""Over the whole table of routes: how who is not let in is answered, and what the document says.

Who is let in with what is in ``test_credentials``.
"""

from dataclasses import dataclass, replace

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

from app.access.admin import Access
from app.access.logins import make_login
from app.access.secrets import AdminSecret
from app.bootstrap import Services
from app.errors import ConfigurationError
from app.storage.tables import now
from app.web import pages
from app.web.access import AccessLevel, level_of, token
from app.web.app import create_app
from tests.support.people.admins import HASH
from tests.support.people.visitors import HTML, JSON, Visitor


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    level: AccessLevel | None


@pytest.fixture
def access(services: Services) -> Access:
    assert services.access is not None
    services.access.secret.source.write(AdminSecret(HASH, 1))
    return services.access


@pytest.fixture
def app(services: Services, access: Access) -> FastAPI:
    """With a route for programs, of which the product has none yet."""
    app = create_app(services)

    @app.get("/api/for-programs")
    @token
    def for_programs() -> dict[str, str]:
        return {}

    return app


@pytest.fixture
def routes(app: FastAPI) -> list[Route]:
    return [
        Route(method, str(route.path), level_of(route.endpoint))
        for route in iter_route_contexts(app.routes)
        for method in sorted(route.methods or ())
    ]


def test_a_page_for_the_admin_tells_nobody_else_anything(app: FastAPI, routes: list[Route]) -> None:
    browser = Visitor(app)
    for route in routes:
        page = route.level == "admin" and not route.path.startswith("/api/")
        if page and route.method == "GET":
            answer = browser.opens(route.path)
            assert (answer.status_code, answer.content) == (303, b"")


@pytest.mark.parametrize("accept", [JSON, HTML], ids=["a program", "a browser"])
def test_whoever_is_not_let_in_is_bound_as_everybody_and_keeps_nothing(
    app: FastAPI, routes: list[Route], accept: dict[str, str]
) -> None:
    for route in routes:
        if route.level != "public":
            headers = Visitor(app).asks(route.method, route.path, headers=accept).headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"], route
            assert (headers["x-frame-options"], headers["cache-control"]) == ("DENY", "no-store")


def test_the_description_says_of_each_operation_what_it_needs(
    app: FastAPI, routes: list[Route]
) -> None:
    document = Visitor(app).opens("/openapi.json").json()
    for route in routes:
        said = document["paths"][route.path][route.method.lower()]["security"]
        names = [name for way in said for name in way]
        assert (
            names
            == {"public": [], "token": ["token", "login"], "admin": ["login"]}[str(route.level)]
        )
    assert set(document["components"]["securitySchemes"]) == {"token", "login"}


def test_a_route_without_a_level_stops_the_start(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful = APIRouter()
    forgetful.get("/forgotten")(lambda: "open to everybody")
    monkeypatch.setattr(pages, "ROUTERS", (forgetful,))
    with pytest.raises(ConfigurationError, match="/forgotten declares no access level"):
        create_app(services)


def test_where_there_is_no_admin_a_login_opens_nothing(
    services: Services, access: Access, routes: list[Route]
) -> None:
    held = make_login(access.database, 1, None, access.lifetimes, now())
    door = Visitor(create_app(replace(services, access=None)), {"Cookie": f"login={held}"})
    for route in routes:
        if route.level == "admin":
            assert door.asks(route.method, route.path).status_code == 403, route
