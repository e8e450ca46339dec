"""Access levels: each route declares who may use it; one without a level stops the start.

``public`` is for everyone. ``token`` is for a researcher's program that shows its token, and for
the admin. ``admin`` is for who is logged in.
"""

from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.errors import ConfigurationError

AccessLevel = Literal["public", "token", "admin"]
MARK: Final = "access_level"
LOGIN_SCHEME, TOKEN_SCHEME = "login", "token"
# Any one of those named lets a caller in.
SECURITY: Final[dict[AccessLevel, list[dict[str, list[str]]]]] = {
    "public": [],
    "token": [{TOKEN_SCHEME: []}, {LOGIN_SCHEME: []}],
    "admin": [{LOGIN_SCHEME: []}],
}

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def public(endpoint: Endpoint) -> Endpoint:
    """Everyone may use this route, with no account."""
    return _mark(endpoint, "public")


def token(endpoint: Endpoint) -> Endpoint:
    """Whoever shows a live API token may use this route, and the admin."""
    return _mark(endpoint, "token")


def admin(endpoint: Endpoint) -> Endpoint:
    """Only who is logged in may use this route."""
    return _mark(endpoint, "admin")


def level_of(endpoint: Callable[..., Any] | None) -> AccessLevel | None:
    """What a route's function declares, ``None`` if it declares nothing."""
    return getattr(endpoint, MARK, None)


def check_access_levels(app: FastAPI) -> None:
    """Raise ``ConfigurationError`` naming the first route that declares no access level."""
    for route in iter_route_contexts(app.routes):
        if level_of(route.endpoint) is None:
            raise ConfigurationError(
                f"The route {route.path} declares no access level; mark it, as with @public."
            )


def _mark(endpoint: Endpoint, level: AccessLevel) -> Endpoint:
    setattr(endpoint, MARK, level)
    return endpoint
