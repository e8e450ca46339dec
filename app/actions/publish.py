"""Make a bundle the one that running apps use."""

from pathlib import Path

from app.actions.published import Pointer, key_of, open_checked, point, read_pointer
from app.errors import BundleError
from app.inference.bundle import CHECKSUMMED, MANIFEST, Bundle
from app.storage.blobs import BlobStore


def publish(folder: Path, *, blobs: BlobStore) -> Pointer:
    """Check, upload, and only then point; raise ``BundleError`` and change nothing otherwise.

    Publishing the current bundle again mends its files and makes running apps try it anew.
    """
    bundle = open_checked(folder)
    before = _before(blobs)
    for name in (*CHECKSUMMED, MANIFEST):
        content = (folder / name).read_bytes()
        blobs.put(key_of(bundle.sha256, name), content, "application/octet-stream")
    return point(blobs, bundle, _previous(before, bundle))


def _before(blobs: BlobStore) -> Pointer | None:
    """A damaged pointer is what publishing mends, and nothing can be read from it."""
    try:
        return read_pointer(blobs)
    except BundleError:
        return None


def _previous(before: Pointer | None, bundle: Bundle) -> str | None:
    if before is None:
        return None
    return before.previous if before.sha256 == bundle.sha256 else before.sha256
