"""Over the whole table of routes: who shows what is let in where, and nobody else."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.access.admin import Access
from app.access.secrets import AdminSecret
from app.access.tokens import make_token, revoke_token
from app.bootstrap import Services
from app.environment import Settings
from app.storage.tables import now
from app.web.access import AccessLevel, level_of, token
from app.web.app import create_app
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.admins import HASH, PASSWORD
from tests.support.people.visitors import HTML, JSON, Visitor
from tests.support.stores.sites import open_services

CLIENT = "203.0.113.7"
LOGINS = (
    "live login",
    "logged out",
    "logged out everywhere",
    "unused login",
    "old login",
    "login of another epoch",
    "login of another site",
    "digest of a login",
    "forged",
)
TOKENS = ("live token", "revoked token", "expired token", "token as a login")
ASKS_ITSELF = ("POST", "/login")  # 401 there says that the password is wrong


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


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Access]:
    """Another site with the same password."""
    folder = tmp_path / "elsewhere"
    settings = Settings.load({"ENVIRONMENT": "local", "DATA_DIR": str(folder)}, tmp_path)
    with open_services(settings, FakeAnalyzer()) as services:
        assert services.access is not None
        services.access.secret.source.write(AdminSecret(HASH, 1))
        yield services.access


def a_login(access: Access, at: datetime | None = None) -> str:
    then = access if at is None else replace(access, clock=lambda: at)
    return then.log_in(PASSWORD, CLIENT, None)


def shown(what: str, services: Services, access: Access, elsewhere: Access) -> dict[str, str]:
    """The headers of somebody who shows it."""
    if what in TOKENS:
        made = a_token(what, services, access)
        return {"Cookie": f"login={made}"} if "as a login" in what else {"Authorization": made}
    return {"Cookie": f"login={a_login_that_is(what, access, elsewhere)}"}


def a_token(what: str, services: Services, access: Access) -> str:
    late = now() - timedelta(days=2)
    made = (
        make_token(access.database, what, late, expires_at=late + timedelta(days=1))
        if what == "expired token"
        else make_token(access.database, what, now())
    )
    if what == "revoked token":
        revoke_token(access.database, services.stores.blobs, what, now())
    return made if what == "token as a login" else f"Bearer {made}"


def a_login_that_is(what: str, access: Access, elsewhere: Access) -> str:
    if what == "login of another site":
        return a_login(elsewhere)
    if what == "forged":
        return "x" * 43
    ages = {"unused login": timedelta(minutes=61), "old login": timedelta(hours=13)}
    held = a_login(access, now() - ages[what] if what in ages else None)
    if what == "logged out":
        access.log_out(held)
    elif what == "logged out everywhere":
        access.log_out_everywhere()
    elif what == "login of another epoch":
        access.secret.source.write(AdminSecret(HASH, 2))
        access.secret.forget()
    elif what == "digest of a login":
        return access.live_logins()[0].id
    return held


def is_let_in(what: str, level: AccessLevel | None) -> bool:
    if level == "public":
        return True
    return what == "live login" or (level == "token" and what == "live token")


@pytest.mark.parametrize("what", ["nothing", *LOGINS, *TOKENS])
def test_a_route_answers_if_and_only_if_what_it_needs_is_shown(
    what: str,
    app: FastAPI,
    routes: list[Route],
    services: Services,
    access: Access,
    elsewhere: Access,
) -> None:
    headers = {} if what == "nothing" else shown(what, services, access, elsewhere)
    visitor = Visitor(app, {**JSON, **headers})
    assert {route.level for route in routes} == {"public", "token", "admin"}
    for route in sorted(routes, key=lambda route: route.path.startswith("/logout")):
        if (route.method, route.path) == ASKS_ITSELF or route.path.startswith("/logout"):
            continue
        path = route.path.replace("{", "").replace("}", "")
        status = visitor.asks(route.method, path).status_code
        assert (status != 401) is is_let_in(what, route.level), (route, status)


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
