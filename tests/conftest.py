"""A whole server on a real database and a real folder; only the bundle is made up."""

from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import func, select
from xdist.scheduler import LoadScopeScheduling

from app.bootstrap import Services
from app.environment import Settings
from app.storage import tables
from app.web.app import create_app
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.operators import Operator
from tests.support.people.visitors import Visitor
from tests.support.stores.s3_server import NAMED, S3Server, running_server
from tests.support.stores.sites import open_services

# A slow machine is no failure: timings are for benchmarks.
hypothesis.settings.register_profile("sketchnorm", deadline=None)
hypothesis.settings.load_profile("sketchnorm")

AT_A_DOOR = "test_every_door_keeps_the_promise"
StoredCount = Callable[[], tuple[int, int]]


class OneServer(LoadScopeScheduling):  # type: ignore[misc]
    """Tests go to whichever process is free; those that share a server all to the same."""

    def _split_scope(self, nodeid: str) -> str:
        if NAMED in nodeid:
            return NAMED
        test, _, parameters = nodeid.partition("[")
        return parameters.partition("-")[0] if test.endswith(AT_A_DOOR) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneServer:
    """The marks of ``--dist loadgroup`` go unseen in pytest 9.2."""
    return OneServer(config, log)


@pytest.fixture
def analyzer() -> FakeAnalyzer:
    """The bundle of the server under test."""
    return FakeAnalyzer()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """What an operator has who sets nothing but a folder."""
    return Settings.load({"ENVIRONMENT": "local", "DATA_DIR": str(tmp_path / "var")}, tmp_path)


@pytest.fixture
def services(settings: Settings, analyzer: FakeAnalyzer) -> Iterator[Services]:
    """Migrated, opened and closed again."""
    with open_services(settings, analyzer) as services:
        yield services


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """Who backs up and restores a database that no app has open."""
    return Operator.with_a_site(tmp_path / "site")


@pytest.fixture
def visitor(services: Services) -> Visitor:
    """Somebody at a browser."""
    return Visitor(create_app(services))


@pytest.fixture
def stored(services: Services, settings: Settings) -> StoredCount:
    """How many drawings are in the tables, and how many files in the store."""

    def count() -> tuple[int, int]:
        with services.stores.database.reading() as session:
            rows = session.scalar(select(func.count()).select_from(tables.Drawing)) or 0
        files = (settings.data_dir / "blobs").rglob("*")
        return rows, sum(path.is_file() and not path.name.startswith(".") for path in files)

    return count


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One for all tests that use it."""
    with running_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(
    s3_server: S3Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> S3Server:
    """Empty, and what boto3 in this process uses."""
    assert NAMED in request.node.nodeid, f"name the test so that {NAMED} is in it: see s3_server"
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    s3_server.wipe()
    return s3_server
