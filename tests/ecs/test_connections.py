"""Slow and silent connections to the service's process are ended, and disturb nobody."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from app.bootstrap import Services
from app.web.app import create_app
from ecs.connections import SECONDS_FOR_HEAD, SlowBodies
from tests.conftest import StoredCount
from tests.ecs.test_serve import started
from tests.support.faults.crowds import Crowd
from tests.support.people.visitors import Visitor, a_png
from tests.support.polling import when_up

MULTIPART = {"Content-Type": "multipart/form-data; boundary=B"}
LONGEST_TURN = 5  # seconds; of a machine that others use


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with started(tmp_path_factory.mktemp("served"), "ecs.serve") as (server, address):
        when_up(address, lambda: server.poll() is None)
        yield int(address.rpartition(":")[2])


def test_slow_and_idle_clients_are_cut_and_keep_nobody_waiting(port: int) -> None:
    crowd, longest = Crowd(port, idle=20, in_head=20, in_body=20), 0.0
    with crowd, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as door:
        end = time.monotonic() + SECONDS_FOR_HEAD + 3
        while time.monotonic() < end:
            began = time.monotonic()
            assert door.get("/livez").status_code == httpx.codes.OK
            assert upload(door).status_code == httpx.codes.CREATED
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.5)
    assert crowd.cut >= 60
    assert crowd.answers == {b"HTTP/1.1 408 Request Timeout"}
    assert longest <= LONGEST_TURN


def upload(door: httpx.Client) -> httpx.Response:
    files = {"image": ("a.png", a_png())}
    return door.post("/api/drawings", files=files, data={"age_years": "6"})


def test_no_answer_names_the_server(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as door:
        answers = [door.get("/"), door.get("/nowhere"), door.request("BREW", "/")]
    assert not any("server" in answer.headers for answer in answers)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: a\r\n" * 200 + b"\r\n", 431),
        (b"GET /?" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 70_000, 400),
        (b"nonsense\r\n\r\n", 400),
    ],
    ids=["a long header", "many headers", "a long address", "one that does not end", "no HTTP"],
)
def test_a_head_beyond_a_measure_is_refused(port: int, request_: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request_)
        said = connection.recv(65536)
    assert said.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"uvicorn" not in said


def test_a_kept_connection_serves_on(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as door:
        assert {door.get("/livez").status_code for _ in range(20)} == {httpx.codes.OK}


@pytest.fixture
def hurried(services: Services) -> Visitor:
    """Who is given a fifth of a second for ten bytes, and a second for a whole body."""
    return Visitor(SlowBodies(create_app(services), window=0.2, least=10, longest=1))


async def dribbled(content: bytes, size: int, pause: float) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        await asyncio.sleep(pause)
        yield content[start : start + size]


def a_body(padding: int = 0) -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    age = b'\r\n--B\r\nContent-Disposition: form-data; name="age_years"\r\n\r\n6\r\n--B--\r\n'
    return head + a_png() + bytes(padding) + age


@pytest.mark.parametrize(
    ("size", "pause"), [(1, 0.05), (40, 0.1), (1000, 5)], ids=["drops", "too long", "silence"]
)
def test_a_body_that_comes_too_slowly_is_refused_in_words(
    hurried: Visitor, stored: StoredCount, size: int, pause: float
) -> None:
    content = dribbled(a_body(padding=2000), size, pause)
    answer = hurried.asks("POST", "/api/drawings", headers=MULTIPART, content=content)
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert "came too slowly" in answer.json()["detail"]
    assert stored() == (0, 0)


def test_one_that_is_merely_slow_is_answered(hurried: Visitor, stored: StoredCount) -> None:
    content = dribbled(a_body(), size=200, pause=0.05)
    answer = hurried.asks("POST", "/api/drawings", headers=MULTIPART, content=content)
    assert answer.status_code == 201
    assert stored() == (1, 2)


def test_what_nobody_reads_holds_up_an_answer_no_longer(hurried: Visitor) -> None:
    """A page needs no body; who sends one after all, and slowly, gets the page in a while."""
    began = time.monotonic()
    answer = hurried.asks("GET", "/upload", content=dribbled(bytes(50), 1, 0.1))
    assert answer.status_code == 200
    assert time.monotonic() - began < LONGEST_TURN
