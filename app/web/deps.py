"""What routes ask for, by name: parts of ours, who asks, and where the site is reached.

As ASGI has it, ``path`` is the whole path and ``root_path`` how it begins: a gateway's stage, or
what something in front, such as CloudFront, shows to visitors and takes off before it asks.
"""

from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from re import fullmatch
from typing import Annotated, Final, cast

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from app.access.admin import Access
from app.access.limits import Address, Rate, client_of
from app.access.logins import Login
from app.access.tokens import Token
from app.bootstrap import Services
from app.errors import AdminClosed, NotLetIn, Refusal, StorageUnavailable, TooOften
from app.usage.analyses import AnalysisCounter
from app.web.access import AccessLevel, level_of
from app.web.forms import SubmittedForm, read_submitted_form
from app.web.rendering import Rendering

COUNTRY: Final = "sketchnorm.country"  # the key in a request's scope, set by what stands in front
# Keys in a request's scope for who counts it: the class of an error, and whether a failed analysis
# was counted for it.
ERROR_KIND: Final = "sketchnorm.error"
FAILED_ANALYSIS: Final = "sketchnorm.failed_analysis"
# A page that refreshes itself says so: that nobody closed it does not keep a login alive.
BY_ITSELF: Final = "by_itself"
REQUEST_ID: Final = "sketchnorm.request_id"  # the same, of the id that the log knows it by
LOGIN_NEEDED = "Only who runs this site can do that; log in first."
BEARER_NEEDED = (
    "That needs an API token, sent as Authorization: Bearer …, or a login; ask for a token whoever "
    "runs this site."
)

# These are ``async`` because they only look something up: a plain ``def`` would cost a trip to
# the thread pool each.


async def _services(request: Request) -> Services:
    return services_of(request)


async def _root(request: Request) -> str:
    return root_of(request.scope)


async def _rendering(request: Request) -> Rendering:
    token = login_token(request)
    if token is not None and not hasattr(request.state, "login"):
        request.state.login = await run_in_threadpool(_known_login, request, token)
    return rendering_for(request)


def _known_login(request: Request, token: str) -> Login | None:
    """For a page that is open to everyone, so also while the database is away."""
    access = services_of(request).access
    with suppress(StorageUnavailable):
        return access.known_login(token) if access else None
    return None


async def _counter(request: Request) -> AnalysisCounter:
    def note_failure() -> None:
        request.scope[FAILED_ANALYSIS] = True

    return replace(services_of(request).analyses, on_failure=note_failure)


def services_of(request: Request) -> Services:
    """The parts that the application was made of."""
    return cast(Services, request.app.state.services)


def rendering_for(request: Request) -> Rendering:
    """The rendering whose addresses lead back to where this request came in."""
    rendering = cast(Rendering, request.app.state.rendering)
    logged_in = getattr(request.state, "login", None) is not None
    return rendering.under(root_of(request.scope), logged_in=logged_in)


async def let_in(request: Request) -> None:
    """Raise ``NotLetIn`` unless the route is for everyone, or who asks has shown what it needs."""
    level = level_of(request.scope["endpoint"])
    if level != "public":
        await run_in_threadpool(_check, request, level)


def _check(request: Request, level: AccessLevel | None) -> None:
    access = access_of(request)
    used = BY_ITSELF not in request.query_params
    login = access.login(login_token(request), used=used)
    request.state.login = login
    if login is not None:
        return
    if level == "token" and access.token(_bearer(request)) is not None:
        return
    raise NotLetIn(BEARER_NEEDED if level == "token" else LOGIN_NEEDED)


def access_of(request: Request) -> Access:
    """Raise ``AdminClosed`` where there is no admin's side."""
    services = services_of(request)
    if services.access is None:
        raise AdminClosed(services.elsewhere)
    return services.access


def login_token(request: Request) -> str | None:
    """What the browser holds, whether it is good for anything or not."""
    return request.cookies.get(cookie_name(services_of(request).secure))


def cookie_name(secure: bool) -> str:
    """Browsers take the first one by https alone, for this host and all of its paths."""
    return "__Host-login" if secure else "login"


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def count_upload(request: Request) -> None:
    """Raise ``TooOften`` if who asks has sent too many drawings within a minute.

    That is a program that shows a live token, at the rate of that, or else whoever has the address.
    """
    services = services_of(request)
    token = await run_in_threadpool(_shown_token, request) if _bearer(request) else None
    who, rate = client_of(client_address(request.scope)), services.uploads_per_minute
    if token is not None:
        who, rate = f"token {token.id}", token.per_minute
    cast(Rate, request.app.state.upload_rate).admit(who, rate)


def _shown_token(request: Request) -> Token | None:
    access = services_of(request).access
    return access.token(_bearer(request)) if access else None


async def _form(request: Request) -> SubmittedForm:
    """Also read if it is refused for its rate, so that it can be shown as it was typed."""
    try:
        await count_upload(request)
    except TooOften:
        with suppress(Refusal):
            await read_submitted_form(request)
        raise
    return await read_submitted_form(request)


CurrentAccess = Annotated[Access, Depends(access_of)]
CurrentServices = Annotated[Services, Depends(_services)]
CurrentRendering = Annotated[Rendering, Depends(_rendering)]
CurrentCounter = Annotated[AnalysisCounter, Depends(_counter)]
CurrentRoot = Annotated[str, Depends(_root)]
CurrentForm = Annotated[SubmittedForm, Depends(_form)]


def client_address(scope: Scope) -> Address | None:
    """The visitor's address, ``None`` if it cannot be known.

    With an origin secret set it is what CloudFront says, else the other end of the connection.
    """
    client = scope.get("client")
    try:
        address = ip_address(client[0].strip("[]")) if client else None
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def country_of(scope: Scope) -> str | None:
    """The visitor's country by ISO 3166, such as ``DE``; ``None`` unless CloudFront says it."""
    country = scope.get(COUNTRY) or ""
    return country if fullmatch("[A-Z]{2}", country) else None


def root_of(scope: Scope) -> str:
    """What links to our own pages begin with, without a trailing slash."""
    return str(scope.get("root_path", ""))


def path_of(scope: Scope) -> str:
    """The path that routes are written for."""
    return without_root(str(scope["path"]), root_of(scope))


def without_root(path: str, root: str) -> str:
    """``path`` itself unless it begins with ``root``: ``/production`` is not under ``/prod``."""
    if root and (path == root or path.startswith(f"{root}/")):
        return path[len(root) :] or "/"
    return path
