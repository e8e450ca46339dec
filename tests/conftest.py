"""A whole server on a real database and a real folder; only the bundle is made up."""

from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import func, select

from app.bootstrap import Services
from app.environment import Settings
from app.main import create_app
from app.storage import tables
from tests.support.analyzers import FakeAnalyzer
from tests.support.operators import Operator
from tests.support.s3_server import S3Server, running_server
from tests.support.services import open_services
from tests.support.visitors import Visitor

# A slow machine is no failure: timings are for benchmarks.
hypothesis.settings.register_profile("sketchnorm", deadline=None)
hypothesis.settings.load_profile("sketchnorm")

StoredCount = Callable[[], tuple[int, int]]


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
        with services.database.reading() as session:
            rows = session.scalar(select(func.count()).select_from(tables.Drawing)) or 0
        files = (settings.data_dir / "blobs").rglob("*")
        return rows, sum(path.is_file() and not path.name.startswith(".") for path in files)

    return count


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One for all tests that use it; they are marked ``on_s3``."""
    with running_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Empty, and what boto3 in this process uses."""
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    s3_server.wipe()
    return s3_server
