"""What every request passes: size, origin and the headers that bind the browser.

Pure ASGI, because ``BaseHTTPMiddleware`` would read bodies before their size is known.
"""

from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.errors import Problem, answer
from app.web.head import HeadAsGet
from app.web.headers import HEADERS
from app.web.limits import LARGEST_BODY, LARGEST_DRAINED, TOO_LARGE
from app.web.public_root import path_of

CROSS_SITE: Final = "This form was sent from another site; open the upload page here and try again."
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES: Final = frozenset({None, "same-origin", "none"})


def install(app: FastAPI) -> None:
    """The last one added is the first one passed."""
    app.add_middleware(BodyLimit, largest=LARGEST_BODY)
    app.add_middleware(SameOrigin)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(ReadToTheEnd)


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
    """Refuses a body as soon as more than ``largest`` bytes of it have come in.

    Raised from ``receive``, that is inside the application, so that the refusal takes the same
    way as all others. Counted, because an announced length may be absent or a lie.
    """

    app: ASGIApp
    largest: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = _Counted(receive, self.largest)
        await self.app(scope, receive, send)


@dataclass
class _Counted:
    receive: Receive
    largest: int
    count: int = 0

    async def __call__(self) -> Message:
        message = await self.receive()
        self.count += len(message.get("body", b""))
        if self.count > self.largest:
            raise HTTPException(413, TOO_LARGE)
        return message


@dataclass(frozen=True)
class ReadToTheEnd:
    """Reads and throws away what is left of a request that is answered before its end.

    A server closes the connection on such a request, and a browser that is still sending then
    shows no answer at all.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(receive)

        async def send_after_reading(message: Message) -> None:
            if message["type"] == "http.response.start":
                await body.drain()
            await send(message)

        await self.app(scope, body, send_after_reading)


@dataclass
class _Body:
    receive: Receive
    count: int = 0
    more: bool = True

    async def __call__(self) -> Message:
        message = await self.receive()
        self.count += len(message.get("body", b""))
        self.more = message.get("more_body", False)
        return message

    async def drain(self) -> None:
        while self.more and self.count <= LARGEST_DRAINED:
            await self()
