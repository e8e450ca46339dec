"""Clients that hold connections and hardly use them, as many as one likes, in one thread."""

import selectors
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.support.faults.beside import Beside

SECONDS_BETWEEN_BYTES = 1.0
HEAD = (
    b"POST /api/drawings HTTP/1.1\r\nHost: site\r\n"
    b"Content-Type: multipart/form-data; boundary=B\r\n"
)
BODY = HEAD + b"Content-Length: 4000000\r\n\r\n"


@dataclass
class Crowd(Beside):
    """``idle`` clients say nothing, those ``in_head`` and ``in_body`` a byte a second.

    The latter have sent ``begun`` of their body before. Who is cut off comes again; ``cut`` is how
    many were, and ``answers`` what they were told first.
    """

    port: int
    idle: int = 0
    in_head: int = 0
    in_body: int = 0
    begun: bytes = b""
    cut: int = 0
    answers: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self._clients = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        sent = ((b"", self.idle), (HEAD, self.in_head), (BODY + self.begun, self.in_body))
        for begun, count in sent:
            for _ in range(count):
                self._connect(begun)
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        for key in list(self._clients.get_map().values()):
            self._leave(key)
        self._clients.close()

    def _connect(self, begun: bytes) -> None:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        client.sendall(begun)
        self._clients.register(client, selectors.EVENT_READ, begun)

    def _leave(self, key: selectors.SelectorKey) -> None:
        self._clients.unregister(key.fileobj)
        if isinstance(key.fileobj, socket.socket):
            key.fileobj.close()

    def go_on(self) -> None:
        while not self.ended.is_set():
            next_byte = time.monotonic() + SECONDS_BETWEEN_BYTES
            for key in list(self._clients.get_map().values()):
                self._dribble(key)
            while (left := next_byte - time.monotonic()) > 0 and not self.ended.is_set():
                for key, _ in self._clients.select(min(left, 0.1)):
                    self._hear(key)

    def _dribble(self, key: selectors.SelectorKey) -> None:
        if key.data and isinstance(key.fileobj, socket.socket):
            with suppress(OSError):  # cut off: it is heard next
                key.fileobj.send(b"x")

    def _hear(self, key: selectors.SelectorKey) -> None:
        said = b""
        with suppress(OSError):
            said = key.fileobj.recv(4096) if isinstance(key.fileobj, socket.socket) else b""
        if said:
            if said.startswith(b"HTTP/"):
                self.answers.add(said.partition(b"\r\n")[0])
            return
        self._leave(key)
        self.cut += 1
        with suppress(OSError):
            self._connect(key.data)
