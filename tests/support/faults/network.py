"""What goes wrong between S3 and those who use it.

An answer is lost, changed or a refusal, by a hook in botocore, on a real request; or the network
itself is silent or slow, by a server on loopback.
"""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BLOCK = 1 << 16  # what a slow link takes at once


class LostAnswer:
    """The next request of a kind arrives and is done; its answer never comes back."""

    def __init__(self, client: "S3Client", operation: str) -> None:
        self.happened = False
        hook(client, f"before-send.s3.{operation}", self._lose)

    def _lose(self, request: AWSPreparedRequest, **_: object) -> None:
        if not self.happened:
            self.happened = True
            URLLib3Session().send(request)
            raise ReadTimeoutError(endpoint_url=request.url)


class Changed(io.BytesIO):
    """The body of an answer, as botocore reads it."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()


def flip_a_byte(client: "S3Client", operation: str) -> None:
    """From now on each answer of a kind arrives with another last byte."""

    def send(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        answer = URLLib3Session().send(request)
        content = bytearray(answer.content)
        content[-1] ^= 1
        answer.raw = Changed(content)
        return answer

    hook(client, f"before-send.s3.{operation}", send)


def refuse(client: "S3Client", operation: str, status: int, code: str) -> None:
    """From now on each request of a kind is answered with that error and does nothing."""
    content = f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()

    def send(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return AWSResponse(request.url, status, HTTPHeaders(), Changed(content))

    hook(client, f"before-send.s3.{operation}", send)


def hook(client: "S3Client", event: str, handler: Callable[..., object]) -> None:
    """What botocore documents and its types forget: handlers may answer."""
    client.meta.events.register(event, cast(Callable[..., None], handler))


class _Listening:
    """Takes connections on a port of its own, each by ``_meet``, until the end of a block."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._take, daemon=True)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for end in (self._listener, *self._ends):
            _end(end)
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *self._ends):
            end.close()

    def _take(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._ends.append(connection)
            self._meet(connection)

    def _meet(self, connection: socket.socket) -> None:
        raise NotImplementedError


class SilentServer(_Listening):
    """Takes connections and never says anything; ``asked`` is how many."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self._hung_up = False

    def hang_up(self) -> None:
        """End all connections, those to come at once, without a word."""
        self._hung_up = True
        for connection in self._ends:
            _end(connection)

    def _meet(self, connection: socket.socket) -> None:
        self.asked += 1
        if self._hung_up:
            _end(connection)


class SlowLink(_Listening):
    """Passes ``rate`` bytes a second, in each direction, to what listens on ``port``."""

    def __init__(self, port: int, rate: int) -> None:
        super().__init__()
        self._port = port
        self._rate = rate
        # Packets on loopback are large, and a sender's kernel takes in many of them at once.
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)

    def _meet(self, connection: socket.socket) -> None:
        there = socket.create_connection(("127.0.0.1", self._port))
        self._ends.append(there)
        for pair in ((connection, there), (there, connection)):
            thread = threading.Thread(target=self._pass, args=pair)
            thread.start()
            self._threads.append(thread)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BLOCK)
        with suppress(OSError):
            while block := source.recv(BLOCK):
                time.sleep(len(block) / self._rate)
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side has ended it
        connection.shutdown(socket.SHUT_RDWR)
