"""What is done in the background and how often; needs neither the model nor the web."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from app.actions.retain import Retained, retain
from app.actions.run_jobs import Handler, Work
from app.environment import Settings
from app.storage.backup_names import expired
from app.storage.blobs import BlobStore
from app.storage.database import Database
from app.storage.jobs import Recurring
from app.storage.revision import check_schema
from app.storage.spooling import SpoolingBlobStore
from app.storage.tables import now
from app.stores import open_blobs, open_database
from app.telemetry import Metric, Metrics

RETENTION = "retention"
DRAIN_SPOOL = "drain_spool"
# A drain that was killed is to be begun anew soon, and two at once do no harm.
SCHEDULE = {
    RETENTION: Recurring(RETENTION, timedelta(hours=6)),
    DRAIN_SPOOL: Recurring(DRAIN_SPOOL, timedelta(minutes=5), lease=timedelta(minutes=2)),
}


@dataclass(frozen=True)
class Parts:
    """What background work is made of."""

    settings: Settings
    database: Database
    blobs: BlobStore

    def retain(self, *, however_many: bool = False) -> Retained:
        """Remove now what was kept for long enough."""
        return retain(
            database=self.database,
            blobs=self.blobs,
            days=self.settings.retention_days,
            now=now(),
            expired_backups=expired,
            however_many=however_many,
        )

    def work(self) -> Work:
        """The jobs that these parts can do."""
        handlers: dict[str, Handler] = {RETENTION: lambda payload: self.retain()}
        if isinstance(self.blobs, SpoolingBlobStore):
            store = self.blobs
            handlers[DRAIN_SPOOL] = lambda payload: self._drain(store)
        return Work(self.database, handlers, [SCHEDULE[kind] for kind in handlers])

    def _drain(self, store: SpoolingBlobStore) -> None:
        """Move what waits; what still does is counted, and what was refused, for alarms."""
        metrics = Metrics(self.settings.environment.metrics_enabled)
        drained = store.drain()
        metrics.put(Metric.SPOOL_WAITING, drained.left)
        metrics.put(Metric.SPOOL_REFUSED, drained.refused)


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
