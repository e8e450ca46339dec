"""One line a request, and the correlation id that every line written meanwhile carries.

Whoever asked is told it, too: in a header of every answer, and on the page of a problem.
The line names the route and not the path: a path may hold the link to somebody's drawing.
"""

import re
import secrets
import time
from dataclasses import dataclass, field
from http import HTTPStatus

from aws_lambda_powertools import Logger
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.telemetry import correlate
from app.web.deps import REQUEST_ID, path_of

# Set by the gateway's integration with the service; a visitor's own is overwritten there.
GATEWAY_ID = "x-apigw-request-id"
BALANCER_ID = "x-amzn-trace-id"
ANSWERED_WITH = "x-request-id"
# What has another form is no id of AWS's: it would end up in headers, pages and the database.
ID = re.compile(r"[A-Za-z0-9=_:;,./+-]{1,128}")
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
        known_as = scope[REQUEST_ID] = correlation_id(scope)
        status, began = HTTPStatus.INTERNAL_SERVER_ERROR.value, time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[ANSWERED_WITH] = known_as
            await send(message)

        # Kept with the context of this request, which its thread of the pool inherits; keys set
        # any other way would leak into requests that run at the same time. They are not cleared:
        # the context ends with the request, and only then has the server written a traceback.
        correlate(known_as)
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
    headers = Headers(scope=scope)
    given = (context.get("requestId"), headers.get(GATEWAY_ID), headers.get(BALANCER_ID))
    fit = (str(one) for one in given if one and ID.fullmatch(str(one)))
    return next(fit, None) or secrets.token_hex(8)
