"""The parts of scheduled work and of restoring: no model, no web, and a database only read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, NullPool, create_engine

from app.actions.take_inventory import GRACE_SECONDS, Inventory, take_inventory
from app.environment import EnvironmentConfig, Settings
from app.errors import BackupError
from app.storage.blobs import BlobStore
from app.storage.database import Database
from app.storage.snapshots import open_read_only
from app.stores import database_file, open_blobs
from app.telemetry import Metrics


@dataclass(frozen=True)
class Upkeep:
    """What the functions that back up, drill and take inventory are made of."""

    config: EnvironmentConfig
    blobs: BlobStore = field(repr=False)

    @classmethod
    def open(cls, settings: Settings) -> "Upkeep":
        """Raise ``ConfigurationError`` where the store cannot be opened."""
        return cls(settings.environment, open_blobs(settings))

    @property
    def environment(self) -> str:
        """The environment that this process runs in."""
        return self.config.environment

    @property
    def metrics(self) -> Metrics:
        """Where results are counted."""
        return Metrics(self.config.metrics_enabled)

    @property
    def database_file(self) -> Path:
        """The SQLite file; raise ``BackupError`` where the database is another kind."""
        file = database_file(self.config)
        if file is None:
            raise BackupError(
                "Only SQLite databases are backed up and restored here; "
                "use pg_dump and pg_restore for PostgreSQL."
            )
        return file

    @contextmanager
    def reading_database(self) -> Iterator[Database]:
        """The database, opened so that nothing in it can be changed, its journal's mode neither."""
        database = Database(self._engine(), self.environment)
        try:
            with database.reading() as session:
                database.check_stamp(session.connection())
            yield database
        finally:
            database.close()

    def take_inventory(self, grace: float = GRACE_SECONDS) -> Inventory:
        """Compare rows and blobs, without writing the database."""
        with self.reading_database() as database:
            return take_inventory(database=database, blobs=self.blobs, grace=grace)

    def _engine(self) -> Engine:
        file = database_file(self.config)
        if file is None:
            return create_engine(self.config.database_url)
        return create_engine("sqlite://", creator=lambda: open_read_only(file), poolclass=NullPool)
