"""A way to a server on which bytes take their time."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

BLOCK = 1 << 16


class SlowLink:
    """Passes ``rate`` bytes a second, in each direction, to what listens on ``port``."""

    def __init__(self, port: int, rate: int) -> None:
        self._port = port
        self._rate = rate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._take)]

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
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *self._ends):
            end.close()

    def _take(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self._port))
            self._ends += (here, there)
            for pair in ((here, there), (there, here)):
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
