"""A database to let people in by, and a clock that is set by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.schema import migrate
from tests.support.clocks import Clock
from tests.support.stores.secrets_server import SecretsServer, running_secrets_server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'access.sqlite3'}", "local")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobStore:
    return FolderBlobStore(tmp_path / "blobs", "local")


@pytest.fixture
def secrets_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsServer]:
    with running_secrets_server(tmp_path) as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        yield server
