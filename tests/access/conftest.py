"""A database to let people in by, and a clock that is set by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from app.access.current_secret import CurrentSecret
from app.access.secrets import AdminSecret, SecretSource
from app.actions.health import RecentHealth, check_health
from app.bootstrap import Services
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.web.app import create_app
from tests.support.clocks import Clock
from tests.support.gateway.served import serving
from tests.support.people.admins import Browser
from tests.support.stores.databases import Place
from tests.support.stores.secrets_server import SecretsServer, running_secrets_server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    with place.opened() as database:
        yield database


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobStore:
    return FolderBlobStore(tmp_path / "blobs", "local")


@pytest.fixture
def secrets_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsServer]:
    with running_secrets_server(tmp_path) as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        yield server


@dataclass
class Asked:
    """A source of the secret that counts how often it is read."""

    source: SecretSource
    times: int = 0

    def read(self) -> AdminSecret | None:
        self.times += 1
        return self.source.read()

    def write(self, secret: AdminSecret) -> None:
        self.source.write(secret)


@dataclass(frozen=True)
class ServedSite:
    """A site whose password lies in ``source``, under a clock that is set by hand."""

    services: Services
    source: Asked
    clock: Clock

    @contextmanager
    def started(self) -> Iterator[str]:
        """Where a process serves that knows nothing but what the database says."""
        services, access = self.services, self.services.access
        assert access is not None
        secret = CurrentSecret(self.source, services.stores.database, self.clock)
        check = partial(
            check_health, stores=services.stores, bundle=services.current, secret=secret
        )
        own = replace(
            services,
            access=replace(access, secret=secret, clock=self.clock),
            health=RecentHealth(check, seconds=0),
        )
        with serving(create_app(own)) as address:
            yield address


@pytest.fixture
def site(services: Services, source: SecretSource, clock: Clock) -> ServedSite:
    """With the ``source`` of the module that asks."""
    return ServedSite(services, Asked(source), clock)


@pytest.fixture
def address(site: ServedSite) -> Iterator[str]:
    with site.started() as address:
        yield address


@pytest.fixture
def browser(address: str) -> Iterator[Browser]:
    with Browser.at(address) as browser:
        yield browser
