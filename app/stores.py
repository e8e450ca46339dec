"""The stores that the settings name: the database, and the blobs that its rows refer to."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import make_url

from app.environment import EnvironmentConfig, Settings
from app.errors import BackupError
from app.storage.blobs.s3 import S3BlobStore
from app.storage.blobs.spool import Spool
from app.storage.blobs.spooling import SpoolingBlobStore
from app.storage.blobs.store import BlobStore, FolderBlobStore
from app.storage.blobs.uploads import Uploads
from app.storage.database import Database
from app.storage.schema import check_schema


@dataclass(frozen=True)
class Stores:
    """What every entry point opens, to read and write or to read only.

    ``uploads``: where pictures too large for a request are sent; ``None`` if nowhere.
    """

    database: Database
    blobs: BlobStore
    uploads: Uploads | None = None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open both to read and write, or to read only if the settings say so.

        Raise ``ConfigurationError`` if one cannot be used, or if the schema is not this release's.
        """
        database = open_database(settings)
        with ExitStack() as on_failure:
            on_failure.callback(database.close)
            check_schema(database)
            blobs = open_blobs(settings)
            uploads = None if settings.environment.read_only else Uploads.into(blobs)
            stores = cls(database, blobs, uploads)
            on_failure.pop_all()
        return stores

    @classmethod
    def open_read_only(cls, settings: Settings) -> Self:
        """For backing up, restoring and comparing, while an app may write the database.

        The database is connected to when it is first read: it may be missing, or corrupt.
        """
        config = settings.environment
        database = Database.for_reading(config.database_url, config.environment)
        return cls(database, open_blobs(settings))

    @property
    def spooling(self) -> SpoolingBlobStore | None:
        """The blob store if it is in S3; ``None`` if blobs never have to wait in a spool."""
        return self.blobs if isinstance(self.blobs, SpoolingBlobStore) else None

    def is_waiting(self, key: str) -> bool:
        """Whether the blob is kept, but has still to be moved to S3."""
        return self.spooling is not None and self.spooling.is_waiting(key)

    def close(self) -> None:
        """Close the connections to the database."""
        self.database.close()


def open_database(settings: Settings) -> Database:
    """Open it to read and write, or to read only if the settings say so; of any schema."""
    config = settings.environment
    if config.read_only:
        return Database.open_read_only(config.database_url, config.environment)
    return Database.open(config.database_url, config.environment, settings.database_journal)


def open_blobs(settings: Settings) -> BlobStore:
    """The folder on a developer's machine or of a read-only copy, or S3 with its spool.

    Raise ``ConfigurationError`` if it cannot be used.
    """
    config = settings.environment
    if config.storage_backend == "local" or config.s3_bucket_name is None:
        folder = settings.data_dir / "blobs"
        return FolderBlobStore(folder, config.environment, read_only=config.read_only)
    store = S3BlobStore.open(config.s3_bucket_name, config.environment, config.aws_region)
    return SpoolingBlobStore(store, Spool(spool_folder(settings)), away=not store.checked)


def database_file(settings: Settings) -> Path:
    """The SQLite file, which need not exist; raise ``BackupError`` if there is none."""
    file = _sqlite_file(settings.environment)
    if file is None:
        raise BackupError(
            "Only SQLite databases are backed up and restored here; "
            "use pg_dump and pg_restore for PostgreSQL."
        )
    return file


def spool_folder(settings: Settings) -> Path:
    """Where files wait for S3."""
    return lasting_folder(settings) / "spool"


def lasting_folder(settings: Settings) -> Path:
    """Beside the database, whose disk outlives the process."""
    file = _sqlite_file(settings.environment)
    return file.resolve().parent if file else settings.data_dir


def _sqlite_file(config: EnvironmentConfig) -> Path | None:
    url = make_url(config.database_url)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
