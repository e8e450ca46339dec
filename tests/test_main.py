"""The command a visitor of a fresh clone runs, as a process of its own."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support.data.pictures import a_picture, as_bytes
from tests.support.polling import free_port, until, when_up


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that does not exist yet."""
    return tmp_path_factory.mktemp("data") / "var"


@pytest.fixture(scope="module")
def address(data: Path) -> Iterator[str]:
    """A served folder that did not exist before."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("sketchnorm")), "serve", "--port", str(port)]
    environ = {"DATA_DIR": str(data), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, env=environ, cwd=data.parent) as server:
        yield when_up(f"http://127.0.0.1:{port}", lambda: server.poll() is None)
        server.terminate()
        assert server.wait(20) in (0, -15)


def test_every_part_is_well(address: str) -> None:
    health = httpx.get(f"{address}/healthz").json()
    assert (health["status"], health["database"], health["store"]) == ("ok", "ok", "ok")


def test_the_demonstration_is_seeded_by_the_shipped_bundle(address: str) -> None:
    assert httpx.get(f"{address}/demo").text.count("/picture") == 12


def test_an_upload_is_answered_kept_and_mapped(address: str) -> None:
    kept = httpx.post(
        f"{address}/api/drawings",
        files={"image": ("house.png", as_bytes(a_picture()), "image/png")},
        data={"age_years": "6.5", "category": "house"},
    )
    assert kept.status_code == httpx.codes.CREATED
    links = kept.json()["links"]
    assert httpx.get(address + links["self"]).json()["analysis"] == kept.json()["analysis"]
    assert httpx.get(address + links["map"]).content.startswith(b"\x89PNG")
    assert "not a diagnosis" in httpx.get(address + links["page"]).text


def test_work_in_the_background_is_done_beside_the_requests(address: str, data: Path) -> None:
    def done() -> list[tuple[str, str | None]]:
        with closing(sqlite3.connect(data / "sketchnorm.sqlite3")) as connection:
            question = "SELECT kind, last_error FROM jobs WHERE finished_at IS NOT NULL"
            return list(connection.execute(question))

    until(lambda: sorted(done()) == [("retention", None), ("seed_demo", None)])
