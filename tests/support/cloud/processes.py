"""Tasks that are real processes, on one database, found through a list that is not fresh.

``Gateway`` is what API Gateway does with Cloud Map: it asks for the tasks now and then, and sends
each request to one that was on the list, healthy or not, there or not. It tries nothing twice.
"""

import http.client
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

import httpx

from tests.support import ROOT
from tests.support.cloud.fargate import Life
from tests.support.polling import free_port

SCALE = float(os.environ.get("SKETCHNORM_TIME_SCALE", "10"))
# As AWS has it, in seconds.
KNOWN_AFTER = 30 / SCALE  # Cloud Map believes a report of ECS's after that
STALE_FOR = 60 / SCALE  # how old a list API Gateway may use
DRAIN = 75 / SCALE  # DRAIN_SECONDS
STOP_TIMEOUT = 120 / SCALE
A_MINUTE = 60 / SCALE
RETRIES = 3  # of the health check
LOOK = 0.5


@dataclass(frozen=True)
class Build:
    """What an image is: a fault, migrations to come, and how long it drains."""

    fault: str = "none"
    phases: str = "-"
    drain: float = DRAIN


@dataclass
class ProcessLife:
    """A container, and its health as ECS would see it."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    _healthy: bool = False

    def __post_init__(self) -> None:
        threading.Thread(target=self._look, daemon=True).start()

    def status(self) -> int | None:
        return self.process.poll()

    def is_healthy(self) -> bool:
        return self._healthy and self.status() is None

    def stop(self) -> None:
        if self.status() is None:
            self.process.terminate()
            timer = threading.Timer(STOP_TIMEOUT, self.process.kill)
            timer.daemon = True
            timer.start()

    def said(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()[-20:]

    def _look(self) -> None:
        failed = 0
        while self.status() is None:
            failed = 0 if self._answers() else failed + 1
            self._healthy = failed == 0 or (self._healthy and failed < RETRIES)
            time.sleep(LOOK)

    def _answers(self) -> bool:
        """As ``ecs/healthcheck.py`` does."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/livez", timeout=4).status_code == 200
        except httpx.TransportError:
            return False


@dataclass
class Processes:
    """``builds`` says by an image's digest what is in it; ``environ`` is every task's."""

    folder: Path
    builds: Mapping[str, Build]
    environ: Mapping[str, str]
    lives: list[ProcessLife] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(self, image: str, command: list[str], environ: Mapping[str, str]) -> ProcessLife:
        build, port = self.builds[image.rpartition("@")[2]], free_port()
        serves = not command or command[-1] == "ecs.serve"
        # What stands before python -m ecs.serve, and what follows sketchnorm.
        limit, asked = (command[:-3], []) if serves else ([], command[1:])
        words = [sys.executable, "-m", "tests.support.cloud.release", build.fault, build.phases]
        log = self.folder / f"task-{next(self._numbers)}.log"
        own = {
            **self.environ, "PORT": str(port), "DRAIN_SECONDS": str(round(build.drain)),
            "CRASHES_AFTER": str(A_MINUTE), "LATE_BY": str(STALE_FOR + KNOWN_AFTER), **environ,
        }  # fmt: skip
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*limit, *words, *asked], env=own, cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output,
            )  # fmt: skip
        life = ProcessLife(process, port, log)
        if serves:
            self.lives.append(life)
        return life


class Sought(Protocol):
    """What the gateway has to know of a task."""

    port: int


@dataclass
class Gateway:
    """A register of tasks, and the address at which visitors reach them."""

    known_after: float = KNOWN_AFTER
    stale_for: float = STALE_FOR
    port: int = 0
    _known: dict[int, float] = field(default_factory=dict)
    _list: list[int] = field(default_factory=list)
    _asked: float = float("-inf")
    _turn: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, life: Life) -> None:
        with self._lock:
            self._known[_port(life)] = time.monotonic() + self.known_after

    def remove(self, life: Life) -> None:
        """The worst moment for that: the gateway has just asked, and uses its list to the end."""
        with self._lock:
            self._ask(time.monotonic())
            self._known.pop(_port(life), None)

    def choose(self) -> int | None:
        """One of the list, in turn; an empty list is asked for anew."""
        with self._lock:
            now = time.monotonic()
            if now - self._asked > self.stale_for or not self._list:
                self._ask(now)
            return self._list[next(self._turn) % len(self._list)] if self._list else None

    def _ask(self, now: float) -> None:
        self._list = [port for port, since in self._known.items() if since <= now]
        self._asked = now


def _port(life: Life) -> int:
    assert isinstance(life, ProcessLife)
    return life.port


@contextmanager
def gateway(known_after: float = KNOWN_AFTER) -> Iterator[Gateway]:
    made = Gateway(known_after)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._hand_on()

        do_POST = do_GET

        def _hand_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            port = made.choose()
            if port is None:
                self._answer(503, b"Service Unavailable", {})
                return
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                self._answer(answer.status, content, dict(answer.getheaders()))
            except (OSError, http.client.HTTPException) as error:
                self._answer(502, repr(error).encode(), {})
            finally:
                connection.close()

        def _answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in (
                    "content-length",
                    "connection",
                    "transfer-encoding",
                    "date",
                ):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the console."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
