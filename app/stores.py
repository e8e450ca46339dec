"""The database and the store that the settings name."""

from pathlib import Path

from sqlalchemy import make_url

from app.environment import EnvironmentConfig, Settings
from app.storage.blobs import BlobStore
from app.storage.database import Database
from app.storage.folder import FolderBlobStore
from app.storage.s3 import S3BlobStore
from app.storage.spool import Spool
from app.storage.spooling import SpoolingBlobStore


def open_database(settings: Settings) -> Database:
    """Open it to read and write, or to read only where all is read-only."""
    config = settings.environment
    if config.read_only:
        return Database.open_read_only(config.database_url, config.environment)
    return Database.open(config.database_url, config.environment, settings.database_journal)


def open_blobs(settings: Settings) -> BlobStore:
    """Open the store; raise ``ConfigurationError`` where it cannot be."""
    return open_spooling(settings) or open_folder(settings)


def open_folder(settings: Settings) -> FolderBlobStore:
    """The store on a developer's machine, or the copy that a read-only site serves."""
    config = settings.environment
    folder = settings.data_dir / "blobs"
    return FolderBlobStore(folder, config.environment, read_only=config.read_only)


def open_spooling(settings: Settings) -> SpoolingBlobStore | None:
    """The store in S3, with its spool; ``None`` where storage is local."""
    config = settings.environment
    if config.storage_backend == "local" or config.s3_bucket_name is None:
        return None
    store = S3BlobStore.open(config.s3_bucket_name, config.environment, config.aws_region)
    return SpoolingBlobStore(store, Spool(spool_folder(settings)), away=not store.checked)


def spool_folder(settings: Settings) -> Path:
    """Beside the database, whose disk outlives the process."""
    file = database_file(settings.environment)
    return (file.resolve().parent if file else settings.data_dir) / "spool"


def database_file(config: EnvironmentConfig) -> Path | None:
    """The SQLite file, which need not be there; ``None`` where the database is of another kind."""
    url = make_url(config.database_url)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
