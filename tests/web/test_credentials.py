"""Properties 6 and 7 over the whole table of routes: who shows what is let in where.

At a real server and at the Lambda function behind each kind of gateway. The table is the product's
own, so that a new route is asked, too; time passes by a clock that is set by hand.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from secrets import token_hex
from urllib.parse import urlsplit

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.access.admin import Access
from app.access.logins import digest, make_login
from app.access.secrets import AdminSecret
from app.access.tokens import PREFIX, make_token, revoke_token
from app.bootstrap import Services
from app.environment import Settings
from app.storage.tables import now
from app.web.access import AccessLevel, level_of, token
from app.web.app import create_app
from app.web.deps import BEARER_NEEDED, LOGIN_NEEDED
from app.web.errors import NO_PAGE
from tests.support.clocks import Clock
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.gateway.events import Gateway, Shape
from tests.support.gateway.invoked import invoked
from tests.support.gateway.served import serving
from tests.support.people.visitors import HTML, JSON
from tests.support.stores.sites import open_services

Headers = dict[str, str]
IDLE, WHOLE = timedelta(minutes=60), timedelta(hours=12)  # as the settings have them
STEP = IDLE * 0.7  # a login that is used so often is not idle
# Of each kind of credential at each door; each asks all routes.
EXAMPLES = int(os.environ.get("SKETCHNORM_ROUNDS", "20")) // 10
DOORS = ("uvicorn", "lambda")
SHAPES = (Shape(2, "live"), Shape(1, "live"))
# Of no password; it is checked quickly, as each example asks the form to log in.
CHEAP_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(token_hex())
TEXT = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1)


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    level: AccessLevel | None


@dataclass
class Site:
    """A site with its clock, and what was ever shown there."""

    services: Services
    clock: Clock
    made: int = 0

    @property
    def access(self) -> Access:
        assert self.services.access is not None
        return self.services.access

    def logs_in(self) -> str:
        """Without the password, whose check takes long; ``test_login`` has that."""
        access, epoch = self.access, self.access.secret.epoch()
        assert epoch is not None
        return make_login(access.database, epoch, None, access.lifetimes, self.clock())

    def makes_token(self, lasts: timedelta | None = None) -> str:
        self.made += 1
        at = self.clock()
        expires = at + lasts if lasts is not None else None
        return make_token(self.access.database, self.name, at, expires_at=expires)

    @property
    def name(self) -> str:
        """Of the token made last."""
        return f"token {self.made}"

    def revokes(self) -> None:
        revoke_token(self.access.database, self.services.stores.blobs, self.name, self.clock())

    def has_epoch(self, epoch: int) -> None:
        self.access.secret.source.write(AdminSecret(CHEAP_HASH, epoch))
        self.access.secret.forget()


@dataclass(frozen=True)
class Drawn:
    """What Hypothesis chooses of a credential: ``part`` lies from 0 up to 1."""

    part: float
    text: str

    def of(self, whole: timedelta) -> timedelta:
        """Less than the whole, also where it is rounded."""
        return (whole - timedelta(seconds=1)) * self.part

    def changes(self, secret: str) -> str:
        """Another secret of the same length, with one character changed."""
        at = int(self.part * len(secret))
        other = next(letter for letter in self.text + "ab" if letter != secret[at])
        return secret[:at] + other + secret[at + 1 :]


DRAWN = st.builds(Drawn, st.floats(0, 1, exclude_max=True), TEXT)


@dataclass
class Asked:
    """The site as a credential's story needs it."""

    site: Site
    elsewhere: Site
    drawn: Drawn
    sends: Callable[[str, Headers], httpx.Response] = field(repr=False)

    def login_that(self, *ends: Callable[[str], object]) -> str:
        held = self.site.logs_in()
        for end in ends:
            end(held)
        return held

    def used_until(self, end: timedelta) -> str:
        """A login that is used all the time, never idle for long."""
        held, begun = self.site.logs_in(), self.site.clock()
        while self.site.clock() + STEP < begun + end:
            self.site.clock.at += STEP
            assert self.site.access.login(held)
        self.site.clock.at = begun + end
        return held

    def waits(self, duration: timedelta) -> None:
        self.site.clock.at += duration

    def of_another_epoch(self) -> str:
        held, epoch = self.site.logs_in(), self.site.access.secret.epoch() or 0
        self.site.has_epoch(epoch + 1 + int(self.drawn.part * 100))
        return held


def login(held: str) -> Headers:
    return {"Cookie": f"login={held}"}


def bearer(shown: str) -> Headers:
    return {"Authorization": f"Bearer {shown}"}


def just_made(asked: Asked) -> Headers:
    return login(asked.login_that(lambda _: asked.waits(asked.drawn.of(IDLE))))


def still_used(asked: Asked) -> Headers:
    return login(asked.used_until(asked.drawn.of(WHOLE)))


def live_token(asked: Asked) -> Headers:
    return bearer(asked.site.makes_token(timedelta(days=1) + asked.drawn.of(timedelta(days=900))))


def lasting_token(asked: Asked) -> Headers:
    made = asked.site.makes_token()
    asked.waits(asked.drawn.of(timedelta(days=900)))
    return bearer(made)


def unused(asked: Asked) -> Headers:
    return login(asked.login_that(lambda _: asked.waits(IDLE + asked.drawn.of(WHOLE))))


def too_old(asked: Asked) -> Headers:
    """Used until shortly before its end, and so never idle for long."""
    held = asked.used_until(WHOLE - IDLE / 4)
    assert asked.site.access.login(held)
    asked.waits(IDLE / 4 + asked.drawn.of(IDLE / 20))
    return login(held)


def of_another_epoch(asked: Asked) -> Headers:
    return login(asked.of_another_epoch())


def of_another_site(asked: Asked) -> Headers:
    return login(asked.elsewhere.logs_in())


def replayed(asked: Asked) -> Headers:
    """Logged out as a browser does it, and then shown again."""
    return login(asked.login_that(lambda held: asked.sends("/logout", login(held))))


def replayed_after_all(asked: Asked) -> Headers:
    def everywhere(held: str) -> None:
        asked.sends("/logout/everywhere", login(asked.site.logs_in()))

    return login(asked.login_that(everywhere))


def changed(asked: Asked) -> Headers:
    return login(asked.drawn.changes(asked.site.logs_in()))


def cut(asked: Asked) -> Headers:
    held = asked.site.logs_in()
    return login(held[: int(asked.drawn.part * len(held))])


def made_up(asked: Asked) -> Headers:
    return login((asked.drawn.text * 64)[: 1 + int(asked.drawn.part * 64)])


def as_the_database_has_it(asked: Asked) -> Headers:
    return login(digest(asked.site.logs_in()))


def under_another_name(asked: Asked) -> Headers:
    return {"Cookie": f"__Host-login={asked.site.logs_in()}; {asked.drawn.text}=1"}


def login_as_a_token(asked: Asked) -> Headers:
    return bearer(asked.site.logs_in())


def revoked(asked: Asked) -> Headers:
    made = asked.site.makes_token()
    asked.site.revokes()
    return bearer(made)


def expired(asked: Asked) -> Headers:
    lasts = timedelta(minutes=1) + asked.drawn.of(timedelta(days=900))
    made = asked.site.makes_token(lasts)
    asked.waits(lasts)
    return bearer(made)


def token_of_another_site(asked: Asked) -> Headers:
    return bearer(asked.elsewhere.makes_token())


def changed_token(asked: Asked) -> Headers:
    return bearer(asked.drawn.changes(asked.site.makes_token()))


def made_up_token(asked: Asked) -> Headers:
    return bearer(PREFIX + (asked.drawn.text * 43)[:43])


def stored_token(asked: Asked) -> Headers:
    return bearer(digest(asked.site.makes_token()))


def token_as_a_login(asked: Asked) -> Headers:
    return login(asked.site.makes_token())


def under_another_scheme(asked: Asked) -> Headers:
    return {"Authorization": f"Basic {asked.site.makes_token()}"}


def nothing(asked: Asked) -> Headers:
    return {}


Credential = Callable[[Asked], Headers]
LOGINS: tuple[Credential, ...] = (just_made, still_used)
TOKENS: tuple[Credential, ...] = (live_token, lasting_token)
DEAD: tuple[Credential, ...] = (
    nothing, unused, too_old, of_another_epoch, of_another_site, replayed, replayed_after_all,
    changed, cut, made_up, as_the_database_has_it, under_another_name, login_as_a_token, revoked,
    expired, token_of_another_site, changed_token, made_up_token, stored_token, token_as_a_login,
    under_another_scheme,
)  # fmt: skip


def opens(credential: Credential, level: AccessLevel | None) -> bool:
    if level == "public" or credential in LOGINS:
        return True
    return level == "token" and credential in TOKENS


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    """Two with the same password, which have nothing else in common."""
    with ExitStack() as until_the_end:
        both = []
        for name in ("here", "elsewhere"):
            folder = tmp_path_factory.mktemp(name)
            environ = {"DATA_DIR": str(folder), "UPLOADS_PER_MINUTE": "0"}
            chosen = Settings.load({"ENVIRONMENT": "local", **environ}, folder)
            services = until_the_end.enter_context(open_services(chosen, FakeAnalyzer()))
            assert services.access is not None
            clock = Clock(now())
            access = replace(services.access, clock=clock)
            site = Site(replace(services, access=access), clock)
            site.has_epoch(1)
            both.append(site)
        yield both[0], both[1]


@pytest.fixture(scope="module")
def app(sites: tuple[Site, Site]) -> FastAPI:
    """With a route for programs, of which the product may have none."""
    app = create_app(sites[0].services)

    @app.get("/api/for-programs")
    @token
    def for_programs() -> dict[str, str]:
        return {}

    return app


@pytest.fixture(scope="module")
def routes(app: FastAPI) -> list[Route]:
    """Each also by HEAD, where there is something to get."""
    return [
        Route(method, str(route.path), level_of(route.endpoint))
        for route in iter_route_contexts(app.routes)
        for method in sorted({*(route.methods or ()), *heads(route.methods)})
    ]


def heads(methods: set[str] | None) -> set[str]:
    return {"HEAD"} if "GET" in (methods or ()) else set()


@pytest.fixture(scope="module", params=DOORS)
def doors(request: pytest.FixtureRequest, app: FastAPI) -> Iterator[tuple[httpx.Client, ...]]:
    """Of a real server, or of the function behind two kinds of gateway."""
    with ExitStack() as until_the_end:
        if request.param == "uvicorn":
            address = until_the_end.enter_context(serving(app))
            yield (until_the_end.enter_context(httpx.Client(base_url=address)),)
            return
        handler = invoked(app)
        yield tuple(
            until_the_end.enter_context(
                httpx.Client(
                    transport=Gateway(shape, handler), base_url=f"https://gateway{shape.prefix}"
                )
            )
            for shape in SHAPES
        )


def asks(door: httpx.Client, route: Route, headers: Headers) -> httpx.Response:
    path = re.sub(r"\{[^}]*\}", "1", route.path)
    response = door.request(route.method, path, headers=headers)
    door.cookies.clear()
    return response


def is_refused(response: httpx.Response) -> bool:
    """For want of a credential: not for a wrong password, nor led to the login by logging out."""
    if response.status_code == 303:
        to = urlsplit(response.headers["location"]).path
        return to.endswith("/login") and "set-cookie" not in response.headers
    if response.status_code != 401 or response.request.method == "HEAD":
        return response.status_code == 401
    is_json = response.headers["content-type"] == "application/problem+json"
    return is_json and response.json()["detail"] in (LOGIN_NEEDED, BEARER_NEEDED)


def tells_nothing(response: httpx.Response) -> bool:
    if response.status_code == 303 or response.request.method == "HEAD":
        return response.content == b""
    told = response.json()
    return set(told) - {"request_id"} == {"type", "title", "status", "detail"}


def reached(response: httpx.Response) -> bool:
    """Whether the route answered, and not the framework in its place."""
    return response.status_code not in (401, 403, 405) and NO_PAGE not in response.text


@pytest.mark.parametrize("credential", [*LOGINS, *TOKENS, *DEAD], ids=lambda one: one.__name__)
def test_a_route_answers_if_and_only_if_what_it_needs_is_shown(
    credential: Credential,
    doors: tuple[httpx.Client, ...],
    routes: list[Route],
    sites: tuple[Site, Site],
) -> None:
    assert {route.level for route in routes} == {"public", "token", "admin"}

    # Not made smaller: what fails is small, and time here goes on alone.
    @settings(max_examples=EXAMPLES, phases=[Phase.generate], database=None)
    @given(door=st.sampled_from(doors), accept=st.sampled_from([JSON, HTML]), drawn=DRAWN)
    def holds(door: httpx.Client, accept: Headers, drawn: Drawn) -> None:
        def sends(path: str, headers: Headers) -> httpx.Response:
            return asks(door, Route("POST", path, None), {**JSON, **headers})

        asked = Asked(*sites, drawn, sends)
        shown, is_spent = credential(asked), False
        for route in routes:
            if is_spent and route.level != "public":
                shown, is_spent = credential(asked), False
            response = asks(door, route, {**accept, **shown})
            is_spent |= route.method not in ("GET", "HEAD")  # it may have been logged out
            seen = route, shown, response.status_code, response.text[:500]
            assert is_refused(response) is not opens(credential, route.level), seen
            assert response.status_code < 500, seen
            if is_refused(response):
                assert tells_nothing(response), seen
            elif route.level != "public":
                assert reached(response), seen

    holds()
