"""What is counted of each request: that it was made, how it ended and how long it took.

Who watches, and files that no person asked for, do not count. A visitor is told apart by address
and browser, of which only a hash under the day's salt is kept.
"""

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.limits import client_of
from app.errors import Busy
from app.telemetry import Metric
from app.usage.requests import RequestCounter, SeenRequest
from app.web.deps import (
    ERROR_KIND,
    FAILED_ANALYSIS,
    client_address,
    country_of,
    path_of,
)

WATCHED: Final = frozenset({"/livez", "/healthz"})
FILES_BELOW: Final = "/static/"
LOOKED_AT: Final = "/dashboard"  # by who watches, again and again; it may fail all the same
LOGIN: Final = ("POST", "/login")
UNKNOWN_KIND: Final = "Unknown"


@dataclass(frozen=True)
class CountRequests:
    """The outermost layer of the application, so that refusals of the others are seen, too."""

    app: ASGIApp
    counter: RequestCounter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status: int | None = None  # as long as nothing was answered
        began = time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:
            scope[ERROR_KIND] = type(error).__name__
            status = HTTPStatus.INTERNAL_SERVER_ERROR.value  # which is sent further outside
            raise
        finally:
            # Only now is it known where the application begins in the path, see ``PublicRoot``.
            if status is not None and _counts(scope):
                await self._count(scope, status, time.perf_counter() - began)

    async def _count(self, scope: Scope, status: int, seconds: float) -> None:
        if path_of(scope) != LOOKED_AT:
            self.counter.note(_seen(scope, status, seconds))
        self._tell(scope, status)
        if self.counter.is_due:
            await run_in_threadpool(self.counter.flush)

    def _tell(self, scope: Scope, status: int) -> None:
        kind = scope.get(ERROR_KIND, UNKNOWN_KIND)
        if kind == Busy.__name__:
            self.counter.signals.count(Metric.BUSY_REFUSALS, kind)
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.counter.signals.count(Metric.ERRORS, kind)
        elif status == HTTPStatus.UNAUTHORIZED and (scope["method"], path_of(scope)) == LOGIN:
            self.counter.signals.count(Metric.LOGIN_FAILURES, kind)


def _counts(scope: Scope) -> bool:
    path = path_of(scope)
    return path not in WATCHED and not path.startswith(FILES_BELOW)


def _seen(scope: Scope, status: int, seconds: float) -> SeenRequest:
    """A person is a visitor who was shown something: many who find nothing look for holes."""
    error = status >= HTTPStatus.INTERNAL_SERVER_ERROR and scope.get(ERROR_KIND) != Busy.__name__
    return SeenRequest(
        seconds,
        failed=error and FAILED_ANALYSIS not in scope,
        visitor=_visitor(scope) if status < HTTPStatus.BAD_REQUEST else None,
        country=country_of(scope),
    )


def _visitor(scope: Scope) -> str:
    browser = Headers(scope=scope).get("user-agent", "")
    return f"{client_of(client_address(scope))} {browser}"
