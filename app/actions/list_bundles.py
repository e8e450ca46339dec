"""Which bundles lie in the store."""

import json
from dataclasses import dataclass

from app.actions.published import key_of, read_pointer
from app.errors import NotFound
from app.inference.bundle import MANIFEST
from app.storage.blobs import BlobStore


@dataclass(frozen=True)
class ListedBundle:
    """A published bundle; ``version`` is ``None`` where its manifest cannot be read."""

    sha256: str
    version: str | None
    current: bool
    previous: bool


def list_bundles(*, blobs: BlobStore) -> tuple[ListedBundle, ...]:
    """Every bundle that was uploaded, by version; nothing but manifests is read."""
    pointer = read_pointer(blobs)
    found = {parts[1] for key in blobs.keys("models") if len(parts := key.split("/")) > 2}
    listed = [
        ListedBundle(
            sha256,
            _version(blobs, sha256),
            current=pointer is not None and sha256 == pointer.sha256,
            previous=pointer is not None and sha256 == pointer.previous,
        )
        for sha256 in found
    ]
    return tuple(sorted(listed, key=lambda bundle: (bundle.version or "", bundle.sha256)))


def _version(blobs: BlobStore, sha256: str) -> str | None:
    try:
        return str(json.loads(blobs.get(key_of(sha256, MANIFEST)))["version"])
    except (NotFound, ValueError, KeyError, TypeError):
        return None
