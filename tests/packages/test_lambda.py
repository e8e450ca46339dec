"""What only Lambda does to a program: it stops it, and makes more of it."""

import json
import queue
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from app.environment import Settings
from app.main import open_app
from app.storage import tables
from app.storage.database import Database
from tests.packages.doors import own_database
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.gateway.emulator import EmulatedFunction, emulated
from tests.support.gateway.events import Event, Gateway, Shape

pytestmark = pytest.mark.servers

INSTANCES, VISITORS = 4, 40
GATEWAY = "https://gateway/live"
SHAPE = Shape(1, "live")


def test_a_timeout_leaves_no_half_written_row_and_the_next_instance_serves(tmp_path: Path) -> None:
    with _instance(tmp_path, timeout_seconds=8) as door:
        # On a busy machine the cold start alone may take as long: the next one is warmer.
        assert httpx.codes.OK in (door.get("/livez").status_code for _ in range(4))
        before = _drawings(tmp_path)
        assert "Task timed out" in door.post("/probe/hangs", timeout=60).text
    assert _drawings(tmp_path) == before
    with _instance(tmp_path, timeout_seconds=30) as door:
        kept = door.post("/api/drawings", files=_drawing(), data={"age_years": "6"})
        assert kept.status_code == httpx.codes.CREATED
    assert _drawings(tmp_path) == before + 1


def test_a_line_of_the_log_carries_the_id_that_the_gateway_gave(tmp_path: Path) -> None:
    handler = "tests.packages.probe_lambda.handler"
    with emulated(handler, own_database(tmp_path), tmp_path) as function:
        with httpx.Client(transport=Gateway(SHAPE, function.invoke), base_url=GATEWAY) as door:
            event = SHAPE.event(door.build_request("GET", "/upload"))
            door.get("/upload")
        lines = [
            json.loads(line) for line in function.log.read_text().splitlines() if line[:1] == "{"
        ]
    (line,) = (line for line in lines if line["message"] == "request")
    assert line["correlation_id"] == event["requestContext"]["requestId"]
    assert (line["route"], line["status"]) == ("/upload", 200)


def test_forty_visitors_of_the_demo_share_four_instances(
    demo: Mapping[str, str], tmp_path: Path
) -> None:
    with instances(INSTANCES, demo, tmp_path) as function:
        transport = Gateway(SHAPE, function.invoke)
        with ThreadPoolExecutor(VISITORS) as visitors:
            visits = [visitors.submit(_visit, transport, turn) for turn in range(VISITORS)]
        statuses = [status for visit in visits for status in visit.result()]
    assert len(statuses) > 5 * VISITORS
    assert set(statuses) == {httpx.codes.OK}


@pytest.fixture
def demo(tmp_path: Path) -> Mapping[str, str]:
    """The settings of the demo door, and the copy that its image carries."""
    open_app(Settings.load(own_database(tmp_path), tmp_path)).state.services.stores.close()
    folder = str(tmp_path / "var")
    return {"READ_ONLY": "true", "DATA_DIR": folder, "UPLOADS_PER_MINUTE": "0"}


class Instances:
    """Instances of one function; each event goes to one that is free."""

    def __init__(self, functions: list[EmulatedFunction]) -> None:
        self._free: queue.Queue[EmulatedFunction] = queue.Queue()
        for function in functions:
            self._free.put(function)

    def invoke(self, event: Event) -> object:
        function = self._free.get()
        try:
            return function.invoke(event)
        finally:
            self._free.put(function)


@contextmanager
def _instance(folder: Path, timeout_seconds: int) -> Iterator[httpx.Client]:
    handler = "tests.packages.probe_lambda.handler"
    with (
        emulated(handler, own_database(folder), folder, timeout_seconds) as function,
        httpx.Client(transport=Gateway(SHAPE, function.invoke), base_url=GATEWAY) as door,
    ):
        yield door


@contextmanager
def instances(count: int, environ: Mapping[str, str], folder: Path) -> Iterator[Instances]:
    with ExitStack() as stack:
        one = ("handlers.api.handler", environ, folder)
        yield Instances([stack.enter_context(emulated(*one)) for _ in range(count)])


def _visit(transport: httpx.BaseTransport, turn: int) -> list[int]:
    """Look around, look at an example, try a drawing."""
    door = httpx.Client(transport=transport, base_url=GATEWAY, timeout=120)
    demo = door.get("/demo")
    example = re.findall(r'href="/live(/drawings/[^"/]+)"', demo.text)[turn % 12]
    pages = [
        demo,
        door.get(example),
        door.get(f"{example}/picture"),
        door.get(f"{example}/map.png"),
    ]
    pages.append(door.get("/upload"))
    pages.append(door.post("/upload", files=_drawing(), data={"age_years": "6.5"}))
    return [page.status_code for page in pages]


def _drawing() -> dict[str, tuple[str, bytes]]:
    return {"image": ("house.png", as_bytes(a_picture()))}


def _drawings(folder: Path) -> int:
    database = Database.open(f"sqlite:///{folder}/var/sketchnorm.sqlite3", "local")
    try:
        with database.reading() as session:
            return session.scalar(select(func.count()).select_from(tables.Drawing)) or 0
    finally:
        database.close()
