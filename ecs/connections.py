"""Ends what would hold a connection for nothing: silence, and requests that come too slowly.

On Lambda this is the gateway's business, and much of it is here, too: it hands a request on once it
has come whole. But nothing should depend on what stands in front.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS_FOR_HEAD: Final = 10
WINDOW_SECONDS: Final = 10
LEAST_IN_WINDOW: Final = 1024  # bytes
SECONDS_FOR_BODY: Final = 120  # 35 KB a second for the largest picture, and so with an answer
SECONDS_FOR_ANSWER: Final = 120
TOO_SLOW: Final = (
    "The upload came too slowly and was broken off; nothing was kept. Try again with a smaller "
    "picture or a better connection."
)


class Deadline:
    """Ends a connection unless what is waited for happens in time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def set(self, transport: asyncio.Transport) -> None:
        """Begin to wait; nothing if that is so already."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, transport.abort)

    def lift(self) -> None:
        """It has happened."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PatientProtocol(H11Protocol):
    """uvicorn's, which waits for ever for a request's head or an answer to be taken; this does not.

    The address and headers of a request have to be there soon after the connection was made or,
    of a later one, after they began.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by asyncio."""
        self._head = Deadline(SECONDS_FOR_HEAD)
        self._answer = Deadline(SECONDS_FOR_ANSWER)
        super().connection_made(transport)
        self._head.set(transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if not self._is_answering():
            self._head.set(self.transport)
        super().data_received(data)
        if self._is_answering():
            self._head.lift()

    def pause_writing(self) -> None:
        """Called by asyncio when the visitor takes an answer more slowly than it is given."""
        super().pause_writing()
        self._answer.set(self.transport)

    def resume_writing(self) -> None:
        """Called by asyncio once the visitor has taken nearly all."""
        super().resume_writing()
        self._answer.lift()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._head.lift()
        self._answer.lift()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


@dataclass(frozen=True)
class SlowBodies:
    """Answers 408 to a body of which too little comes in a while, or that takes too long."""

    app: ASGIApp
    window: float = WINDOW_SECONDS
    least: int = LEAST_IN_WINDOW
    longest: float = SECONDS_FOR_BODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = _TimedBody(receive, self)
        await self.app(scope, receive, send)


@dataclass
class _TimedBody:
    """Only the time counts that the application waits, so that its own work cuts nobody off.

    The refusal is raised from within the application, so that it takes the same way as all others.
    """

    receive: Receive
    limits: SlowBodies
    waited: float = 0
    waited_in_window: float = 0
    count_in_window: int = 0
    more: bool = True
    is_cut: bool = False

    async def __call__(self) -> Message:
        if self.is_cut:
            return {"type": "http.disconnect"}
        if not self.more:
            return await self.receive()  # which tells when the visitor is gone
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._patience()):
                message = await self.receive()
        except TimeoutError as error:
            raise self._cut() from error
        self._note(message, time.monotonic() - began)
        return message

    def _patience(self) -> float:
        """Seconds until it is decided whether the body is too slow."""
        limits = self.limits
        return min(limits.window - self.waited_in_window, limits.longest - self.waited)

    def _note(self, message: Message, seconds: float) -> None:
        self.more = message.get("more_body", False)
        self.waited += seconds
        self.waited_in_window += seconds
        self.count_in_window += len(message.get("body", b""))
        if self.count_in_window >= self.limits.least:
            self.waited_in_window, self.count_in_window = 0, 0

    def _cut(self) -> HTTPException:
        """What is still to come is read no more, so the connection cannot be used again."""
        self.is_cut = True
        return HTTPException(408, TOO_SLOW, headers={"Connection": "close"})
