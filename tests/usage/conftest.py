"""A database to count in, a clock that is set by hand, and a visitor's requests."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.access.secrets import kept_key
from app.storage.database import Database
from app.telemetry import Metrics, Signals
from app.usage.requests import RequestCounter
from app.usage.visits import Salts
from tests.support.clocks import Clock
from tests.support.stores.databases import Place

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    """In each kind of database."""
    with place.opened() as database:
        yield database


@pytest.fixture
def counter(database: Database, clock: Clock, tmp_path: Path) -> RequestCounter:
    """Of a process that tells CloudWatch."""
    signals = Signals(Metrics(enabled=True))
    return RequestCounter(database, Salts(tmp_path, kept_key), signals, clock=clock)
