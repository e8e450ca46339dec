"""The store that the settings name."""

from app.environment import Settings
from app.errors import ConfigurationError
from app.storage.blobs import BlobStore
from app.storage.folder import FolderBlobStore


def open_blobs(settings: Settings) -> BlobStore:
    """Open the store; raise ``ConfigurationError`` where it cannot be."""
    config = settings.environment
    if config.storage_backend == "s3":
        raise ConfigurationError(
            "STORAGE_BACKEND is s3, but this release stores in a folder only; "
            "set STORAGE_BACKEND=local."
        )
    folder = settings.data_dir / "blobs"
    return FolderBlobStore(folder, config.environment, read_only=config.read_only)
