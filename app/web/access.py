"""Access levels: each route declares who may use it; one without a level stops the start."""

from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.errors import ConfigurationError

AccessLevel = Literal["public"]
MARK: Final = "access_level"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def public(endpoint: Endpoint) -> Endpoint:
    """Everyone may use this route, with no account."""
    return _mark(endpoint, "public")


def check_access_levels(app: FastAPI) -> None:
    """Raise ``ConfigurationError`` naming the first route that declares no access level."""
    for route in iter_route_contexts(app.routes):
        if not hasattr(route.endpoint, MARK):
            raise ConfigurationError(
                f"The route {route.path} declares no access level; mark it, as with @public."
            )


def _mark(endpoint: Endpoint, level: AccessLevel) -> Endpoint:
    setattr(endpoint, MARK, level)
    return endpoint
