"""What every request passes: size, origin and the headers that bind the browser.

Pure ASGI, because ``BaseHTTPMiddleware`` would read bodies before their size is known.
"""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from fastapi import FastAPI, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.deps import path_of
from app.web.errors import Problem, answer
from app.web.forms import LARGE, UploadLimit, let_form_go
from app.web.front import Front, OriginSecret
from app.web.headers import UNSTORED, binding_headers

CROSS_SITE: Final = "This form was sent from another site; open the page here and try again."
HEADERS_TOO_LARGE: Final = (
    "The address and the headers of this request are too long; delete the cookies of this site and "
    "try again."
)
NO_ROOM: Final = "Many drawings are being sent just now; please try again in a minute."
TOO_LONG: Final = "More was sent than this address takes; open the page here and try again."
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES: Final = frozenset({None, "same-origin", "none"})
MOST_HEADERS: Final = 100
LARGEST_HEAD: Final = 16 * 1024  # API Gateway lets no more than 10 KB through
WITH_PICTURES: Final = frozenset({("POST", "/upload"), ("POST", "/api/drawings")})
LARGEST_OTHER: Final = 64 * 1024  # a body in which no picture is sent, such as a password
LARGE_AT_ONCE: Final = 8  # as many as may wait for an analysis
BUSY: Final = 503
SMALL_HELD: Final = 16 * 1024 * 1024  # of all small bodies together


def install(app: FastAPI, front: Front, limit: UploadLimit) -> None:
    """The last one added is the first one passed."""
    headers = binding_headers(encrypted=front.is_encrypted)
    app.state.headers = headers
    app.add_middleware(SameOrigin, origin=front.origin)
    if front.secrets:
        app.add_middleware(OriginSecret, secrets=front.secrets)
    app.add_middleware(HeadLimit)
    app.add_middleware(HeadAsGet)
    app.add_middleware(RelativeRedirects)
    app.add_middleware(SecurityHeaders, headers=headers)
    app.add_middleware(BodyLimit, limit=limit, room=Room())


@dataclass(frozen=True)
class SecurityHeaders:
    """Adds ``headers`` to every response; what does not say that it may be stored is not."""

    app: ASGIApp
    headers: Mapping[str, str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self.headers)
                for name, value in UNSTORED.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


@dataclass(frozen=True)
class SameOrigin:
    """Refuses what another site's page sends in a visitor's name.

    A page can forge neither ``Sec-Fetch-Site`` nor ``Origin``; programs send none of them. With
    ``origin`` not known, it has to be the host that the request was made to.
    """

    app: ASGIApp
    origin: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._refuses(scope):
            response = answer(Request(scope), Problem(403, CROSS_SITE))
            await response(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refuses(self, scope: Scope) -> bool:
        if scope["method"] in SAFE_METHODS:
            return False
        headers = Headers(scope=scope)
        return headers.get("sec-fetch-site") not in OWN_SITES or not self._is_ours(headers)

    def _is_ours(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return True
        if self.origin is not None:
            return origin == self.origin
        return origin.partition("://")[2] == headers.get("host")


@dataclass(frozen=True)
class HeadLimit:
    """Refuses a request whose address and headers are too long or too many.

    A server's own limit is for those that do not come at once.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._refuses(scope):
            await answer(Request(scope), Problem(431, HEADERS_TOO_LARGE))(scope, receive, send)
            return
        await self.app(scope, receive, send)

    @staticmethod
    def _refuses(scope: Scope) -> bool:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        whole = size + len(scope["path"]) + len(scope["query_string"])
        return len(headers) > MOST_HEADERS or whole > LARGEST_HEAD


@dataclass
class Room:
    """The memory for the bodies of all requests, each until its answer begins.

    Of those above 1 MiB ``large`` have room at a time; whoever sends another is told to come again.
    Smaller ones have ``small`` bytes together, and a new one always finds some: if there are none
    left, the one that has been coming for the longest is broken off.
    """

    large: int = LARGE_AT_ONCE
    small: int = SMALL_HELD
    _large: set["_Body"] = field(default_factory=set, repr=False)
    _small: dict["_Body", int] = field(default_factory=dict, repr=False)  # bytes, the oldest first
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether nobody has a body here."""
        return not (self._large or self._small)

    def take(self, body: "_Body", size: int) -> None:
        """For so many more bytes of ``body``; raise 503 if there is no room for them."""
        with self._lock:
            held = self._small.get(body, 0) + size
            if body in self._large:
                return
            if held <= LARGE:
                self._small[body] = held
                self._break_off_others(body)
            elif len(self._large) < self.large:
                self.leave(body)
                self._large.add(body)
            else:
                raise _no_room()

    def leave(self, body: "_Body") -> None:
        """Nothing of ``body`` is needed any more."""
        with self._lock:
            self._large.discard(body)
            self._small.pop(body, None)

    def _break_off_others(self, body: "_Body") -> None:
        coming = (one for one in tuple(self._small) if one.more and one is not body)
        while sum(self._small.values()) > self.small:
            oldest = next(coming, None)
            if oldest is None:
                raise _no_room()
            self.leave(oldest)
            oldest.break_off()


def _no_room() -> HTTPException:
    """Not ``Busy``: of any other exception the framework says that the body cannot be read."""
    return HTTPException(503, NO_ROOM)


@dataclass(frozen=True)
class BodyLimit:
    """Refuses a body as soon as too many bytes of it have come in, or there is no ``room`` for it.

    A picture's may be read piece by piece up to ``limit.read``; its route limits what it holds of
    that. What is left of a request that is answered before its end is read and thrown away: a
    server closes the connection on such a request, and a browser that is still sending would show
    no answer at all.
    """

    app: ASGIApp
    limit: UploadLimit
    room: Room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = self._body(scope, receive)

        async def send_after_reading(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] != BUSY:  # what was too busy still has the body
                    let_form_go(scope)
                    self.room.leave(body)
                await body.drain(self.limit.read)
            await send(message)

        try:
            await self.app(scope, body, send_after_reading)
        finally:
            self.room.leave(body)

    def _body(self, scope: Scope, receive: Receive) -> "_Body":
        if (scope["method"], path_of(scope)) in WITH_PICTURES:
            return _Body(receive, self.room, self.limit.read, self.limit.sentence)
        return _Body(receive, self.room, LARGEST_OTHER, TOO_LONG)


@dataclass(eq=False)
class _Body:
    """A request's body, counted, because an announced length may be absent or a lie.

    A refusal is raised from within the application, so that it takes the same way as all others.
    """

    receive: Receive
    room: Room
    largest: int
    too_large: str
    count: int = 0
    more: bool = True
    is_broken_off: bool = False
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop, repr=False)
    _waiting: asyncio.Timeout | None = None

    async def __call__(self) -> Message:
        message = await self._read_unless_broken_off()
        if self.count > self.largest:
            raise HTTPException(413, self.too_large)
        size = len(message.get("body", b""))
        if size:
            self.room.take(self, size)
        return message

    def break_off(self) -> None:
        """For somebody else, in whatever thread; who waits for this body waits no longer."""
        self.is_broken_off = True
        self._loop.call_soon_threadsafe(self._wait_no_longer)

    async def drain(self, most: int) -> None:
        """Read to the end, or as much and as long as a browser will be waited for."""
        with suppress(HTTPException):  # the server waits no longer
            while self.more and self.count <= most:
                await self._read()

    async def _read_unless_broken_off(self) -> Message:
        try:
            async with asyncio.timeout(None) as self._waiting:
                if self.is_broken_off:
                    raise _no_room()
                return await self._read()
        except TimeoutError as error:
            raise _no_room() from error
        finally:
            self._waiting = None

    def _wait_no_longer(self) -> None:
        if self._waiting is not None:
            self._waiting.reschedule(0)

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


@dataclass(frozen=True)
class RelativeRedirects:
    """Sends visitors on by path alone: the framework names the host that the request claimed."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_relative(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "location" in headers:
                    headers["location"] = _path_and_query(headers["location"])
            await send(message)

        await self.app(scope, receive, send_relative)


def _path_and_query(address: str) -> str:
    return urlunsplit(("", "", *urlsplit(address)[2:]))
