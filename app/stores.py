"""The store that the settings name."""

from app.environment import Settings
from app.errors import ConfigurationError
from app.storage.blobs import BlobStore
from app.storage.folder import FolderBlobStore


def open_blobs(settings: Settings) -> BlobStore:
    """Open the store; raise ``ConfigurationError`` where it cannot be."""
    if settings.environment.storage_backend == "s3":
        raise ConfigurationError(
            "STORAGE_BACKEND is s3, but this release stores in a folder only; "
            "set STORAGE_BACKEND=local."
        )
    return FolderBlobStore(settings.data_dir / "blobs", settings.environment.environment)
