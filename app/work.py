"""What is done in the background and how often; needs neither the model nor the web."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from app.actions.retain import Retained, retain
from app.actions.run_jobs import Handler, Work
from app.environment import Settings
from app.storage.backup_names import expired
from app.storage.blobs import BlobStore
from app.storage.database import Database
from app.storage.jobs import Recurring
from app.storage.revision import check_schema
from app.storage.tables import now
from app.stores import open_blobs, open_database

RETENTION = "retention"
DRAIN_SPOOL = "drain_spool"
EVERY = {RETENTION: timedelta(hours=6), DRAIN_SPOOL: timedelta(minutes=5)}


@runtime_checkable
class Drains(Protocol):
    """A store that keeps what another one cannot take, and moves it there later."""

    def drain(self) -> object:
        """Move what waits; harmless to do at any time."""
        ...


@dataclass(frozen=True)
class Parts:
    """What background work is made of."""

    settings: Settings
    database: Database
    blobs: BlobStore

    def retain(self) -> Retained:
        """Remove now what was kept for long enough."""
        days = self.settings.retention_days
        return retain(
            database=self.database, blobs=self.blobs, days=days, now=now(), expired_backups=expired
        )

    def work(self) -> Work:
        """The jobs that these parts can do."""
        handlers: dict[str, Handler] = {RETENTION: lambda payload: self.retain()}
        if isinstance(self.blobs, Drains):
            drain = self.blobs.drain
            handlers[DRAIN_SPOOL] = lambda payload: drain()
        return Work(self.database, handlers, [Recurring(kind, EVERY[kind]) for kind in handlers])


@contextmanager
def open_parts(settings: Settings) -> Iterator[Parts]:
    """Open the database and the store for a process that does nothing else."""
    blobs = open_blobs(settings)
    database = open_database(settings)
    try:
        check_schema(database)
        yield Parts(settings, database, blobs)
    finally:
        database.close()
