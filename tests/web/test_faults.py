"""A server whose storage fails: a page for visitors, a line for the operator, nothing by halves."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.actions.health import RecentHealth
from app.bootstrap import Services, assemble
from app.environment import Settings
from app.storage import database as database_module
from app.storage.blobs.store import FolderBlobStore
from app.storage.tables import Drawing
from app.web.app import create_app
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.faults.disks import (
    failing,
    file_of,
    full,
    impatient,
    locked,
    read_only,
    ruin,
    small_disk,
)
from tests.support.people.visitors import Visitor, a_png
from tests.support.stores.databases import make_database


@dataclass(frozen=True)
class Server:
    """One whose database and store lie on disks of their own, in DELETE mode."""

    services: Services
    visitor: Visitor
    database_disk: Path
    store_disk: Path

    def stored(self) -> tuple[int, int]:
        with self.services.stores.database.reading() as session:
            rows = session.scalar(select(func.count()).select_from(Drawing)) or 0
        files = [path for path in self.store_disk.rglob("*") if path.is_file()]
        return rows, sum(not path.name.endswith(("json", "ballast")) for path in files)

    def health(self) -> dict[str, str]:
        body: dict[str, str] = self.visitor.opens("/healthz").json()
        return body


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    settings = Settings.load(
        {
            "ENVIRONMENT": "local",
            "DATA_DIR": str(folder / "store"),
            "DATABASE_URL": f"sqlite:///{folder}/database/s.sqlite3",
            "DATABASE_JOURNAL": "delete",
        },
        folder,
    )
    config = settings.environment
    make_database(config.database_url, config.environment, "delete")
    services = assemble(settings, FakeAnalyzer)
    hurried = replace(
        services,
        stores=replace(services.stores, database=impatient(services.stores.database)),
        health=RecentHealth(services.health.check, seconds=0),
    )
    yield Server(hurried, Visitor(create_app(hurried)), folder / "database", folder / "store")
    services.stores.database.close()


@pytest.fixture(autouse=True)
def _hurried_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "WATCHER_WAITS_MS", 50)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """In order, with one drawing kept."""
    disks = (tmp_path / "database", tmp_path / "store")
    with small_disk(disks[0], 8000), small_disk(disks[1], 8000), served(tmp_path) as server:
        assert server.visitor.submits(a_png(), age_years="6").status_code == 201
        yield server


def trouble(server: Server, what: str) -> AbstractContextManager[None]:
    disk = server.store_disk if what.endswith("store") else server.database_disk
    return {
        "locked": lambda: locked(server.services.stores.database),
        "full": lambda: full(disk),
        "read-only": lambda: read_only(disk),
        "failing": failing,
    }[what.split(maxsplit=1)[0]]()


# What the visitor reads, the part that is ill, and what the operator reads.
TROUBLES = {
    "locked database": ("Others are writing here", "database", "locked by another writer"),
    "full database": ("no room to keep anything", "database", "disk of the database is full"),
    "read-only database": ("Nothing can be kept here", "database", "disk of the database"),
    "full store": ("no room to keep anything", "store", "disk of the store is full"),
    "read-only store": ("Nothing can be kept here", "store", "disk of the store cannot be written"),
    "failing disks": ("cannot be used now", "store", "disk of the store fails"),
}
EACH = pytest.mark.parametrize(
    ("what", "sentence", "part", "advice"),
    [(what, *said) for what, said in TROUBLES.items()],
    ids=TROUBLES,
)


@EACH
def test_an_upload_is_refused_whole_and_works_again_afterwards(
    server: Server,
    caplog: pytest.LogCaptureFixture,
    what: str,
    sentence: str,
    part: str,
    advice: str,
) -> None:
    with trouble(server, what):
        refused = server.visitor.submits(a_png(), age_years="7")
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "30"
    assert sentence in refused.json()["detail"]
    assert "/" not in refused.json()["detail"]
    (line,) = [line for line in caplog.records if line.levelname == "ERROR"]
    assert (line.name, line.levelname) == ("sketchnorm", "ERROR")
    assert advice in line.getMessage()
    assert "/" not in line.getMessage()
    assert server.stored() == (1, 2)
    assert server.visitor.submits(a_png(), age_years="7").status_code == 201
    assert server.stored() == (2, 4)


@EACH
def test_health_tells_which_part_is_ill_and_how_until_it_is_well(
    server: Server, what: str, sentence: str, part: str, advice: str
) -> None:
    with trouble(server, what):
        ill = server.health()
    assert ill["status"] == "failing"
    assert advice in ill[part]
    assert "/" not in ill[part]
    assert server.health()["status"] == "ok"


@EACH
def test_a_person_reads_it_above_the_form(
    server: Server, what: str, sentence: str, part: str, advice: str
) -> None:
    with trouble(server, what):
        page = server.visitor.submits(a_png(), to="/upload", age_years="7")
    assert page.status_code == 503
    assert page.headers["retry-after"] == "30"
    assert sentence in unescape(page.text)
    assert advice not in page.text


@pytest.mark.parametrize("what", ["full database", "read-only database", "full store"])
def test_what_is_kept_can_still_be_seen_and_drawings_compared_without_keeping(
    server: Server, what: str
) -> None:
    with trouble(server, what):
        assert server.visitor.opens("/").status_code == 200
        unkept = server.visitor.submits(a_png(), age_years="6", keep="false")
        assert unkept.status_code == 200
        assert server.visitor.opens("/livez").status_code == 200


def test_a_locked_database_gets_no_process_replaced(server: Server) -> None:
    with locked(server.services.stores.database):
        assert server.visitor.opens("/livez").status_code == 200
        page = server.visitor.opens("/")
    assert page.status_code == 503
    assert "Others are writing here" in page.text


def test_damage_is_told_until_the_process_ends_and_no_file_stays_without_its_row(
    server: Server,
) -> None:
    ruin(file_of(server.services.stores.database), "drawings")
    refused = server.visitor.submits(a_png(), age_years="7")
    assert refused.status_code == 503
    assert "damaged" in refused.json()["detail"]
    assert "restore the newest backup" in server.health()["database"]
    assert isinstance(server.services.stores.blobs, FolderBlobStore)
    assert len(server.services.stores.blobs.keys("drawings")) == 1
