"""One line a request, and the correlation id that every line written meanwhile carries.

The line names the route and not the path: a path may hold the link to somebody's drawing.
"""

import secrets
import time
from dataclasses import dataclass, field
from http import HTTPStatus

from aws_lambda_powertools import Logger
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.deps import path_of

# Set by the gateway's integration with the service; a visitor's own is overwritten there.
GATEWAY_ID = "x-apigw-request-id"
BALANCER_ID = "x-amzn-trace-id"
WATCHED = frozenset({"/livez"})  # asked twice a minute by the scheduler


@dataclass(frozen=True)
class RequestLog:
    """The outermost layer; entry points add it, as it is for what collects their lines."""

    app: ASGIApp
    logger: Logger = field(repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, began = HTTPStatus.INTERNAL_SERVER_ERROR.value, time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        # Kept with the context of this request, which its thread of the pool inherits; keys set
        # any other way would leak into requests that run at the same time. They are not cleared:
        # the context ends with the request, and only then has the server written a traceback.
        self.logger.thread_safe_append_keys(correlation_id=correlation_id(scope))
        try:
            await self.app(scope, receive, send_and_note)
        finally:
            self._write(scope, status, time.perf_counter() - began)

    def _write(self, scope: Scope, status: int, seconds: float) -> None:
        if path_of(scope) in WATCHED and status == HTTPStatus.OK:
            return
        self.logger.info(
            "request",
            method=scope["method"],
            route=getattr(scope.get("route"), "path", None),
            status=status,
            ms=round(seconds * 1000, 1),
        )


def correlation_id(scope: Scope) -> str:
    """The id that API Gateway or a load balancer gave the request; else one of our own."""
    context = scope.get("aws.event", {}).get("requestContext", {})
    if "requestId" in context:
        return str(context["requestId"])
    headers = Headers(scope=scope)
    return headers.get(GATEWAY_ID) or headers.get(BALANCER_ID) or secrets.token_hex(8)
