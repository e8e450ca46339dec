"""What every request passes: size, origin and the headers that bind the browser.

Pure ASGI, because ``BaseHTTPMiddleware`` would read bodies before their size is known.
"""

from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import DrawingTooLarge
from app.web.deps import path_of
from app.web.errors import Problem, answer
from app.web.forms import UploadLimit
from app.web.headers import HEADERS

CROSS_SITE: Final = "This form was sent from another site; open the upload page here and try again."
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES: Final = frozenset({None, "same-origin", "none"})


def install(app: FastAPI, limit: UploadLimit) -> None:
    """The last one added is the first one passed."""
    app.add_middleware(SameOrigin)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(BodyLimit, limit=limit)


@dataclass(frozen=True)
class SecurityHeaders:
    """Adds ``HEADERS`` to every response."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


@dataclass(frozen=True)
class SameOrigin:
    """Refuses what another site's page sends in a visitor's name.

    ``Sec-Fetch-Site`` cannot be forged by a page. Programs send none, and ``/api/`` is for them:
    it knows no cookie that a page could misuse.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._refuses(scope):
            response = answer(Request(scope), Problem(403, CROSS_SITE))
            await response(scope, receive, send)
            return
        await self.app(scope, receive, send)

    @staticmethod
    def _refuses(scope: Scope) -> bool:
        if scope["method"] in SAFE_METHODS or path_of(scope).startswith("/api/"):
            return False
        return Headers(scope=scope).get("sec-fetch-site") not in OWN_SITES


@dataclass(frozen=True)
class BodyLimit:
    """Refuses a body as soon as more than ``limit.read`` bytes of it have come in.

    Up to there it may be read piece by piece; routes limit what they hold of it in memory. What is
    left of a request that is answered before its end is read and thrown away: a server closes the
    connection on such a request, and a browser that is still sending would show no answer at all.
    """

    app: ASGIApp
    limit: UploadLimit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(receive, self.limit)

        async def send_after_reading(message: Message) -> None:
            if message["type"] == "http.response.start":
                await body.drain()
            await send(message)

        await self.app(scope, body, send_after_reading)


@dataclass
class _Body:
    """A request's body, counted, because an announced length may be absent or a lie.

    The refusal is raised from within the application, so that it takes the same way as all others.
    """

    receive: Receive
    limit: UploadLimit
    count: int = 0
    more: bool = True

    async def __call__(self) -> Message:
        message = await self._read()
        if self.count > self.limit.read:
            raise DrawingTooLarge(self.limit.sentence)
        return message

    async def drain(self) -> None:
        """Read to the end, or as much as a browser will be waited for."""
        while self.more and self.count <= self.limit.read:
            await self._read()

    async def _read(self) -> Message:
        message = await self.receive()
        self.count += len(message.get("body", b""))
        self.more = message.get("more_body", False)
        return message


@dataclass(frozen=True)
class HeadAsGet:
    """Answers HEAD wherever GET is answered: runs GET and sends its headers without the body."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        scope["method"] = "GET"
        await self.app(scope, receive, send_without_body)
