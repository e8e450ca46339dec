"""Bundles in the store: published, listed, rolled back; one pointer says which is current.

A bundle lies below ``models/<sha256 of its manifest>/``; those files never change. The pointer
``models/current.json`` is replaced in one write, so that a reader sees the one before or the one
after and never a mixture.
"""

import hashlib
import json
import re
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.errors import BundleError, NotFound, StorageUnavailable
from app.inference import self_test
from app.inference.bundle import CHECKSUMMED, MANIFEST, Bundle
from app.storage.blobs.store import BlobStore

POINTER = "models/current.json"
SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Pointer:
    """Which published bundle is current; ``previous`` is the one to roll back to, if any."""

    sha256: str
    version: str
    previous: str | None
    published_at: str

    def as_bytes(self) -> bytes:
        """The JSON that is kept in the store."""
        return json.dumps(asdict(self), indent=2).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> "Pointer":
        """Raise ``BundleError`` for anything that could lead elsewhere than to a bundle."""
        try:
            pointer = cls(**json.loads(content))
            named = [pointer.sha256, *([pointer.previous] if pointer.previous else [])]
            whole = all(SHA256.fullmatch(sha256) for sha256 in named)
        except (ValueError, TypeError) as error:
            raise _damaged() from error
        if not whole or not isinstance(pointer.version, str):
            raise _damaged()
        return pointer


def publish(folder: Path, *, blobs: BlobStore) -> Pointer:
    """Check, upload, and only then point; raise ``BundleError`` and change nothing otherwise.

    Publishing the current bundle again mends its files and makes running apps try it anew.
    """
    bundle = open_checked(folder)
    for name in (*CHECKSUMMED, MANIFEST):
        content = (folder / name).read_bytes()
        blobs.put(key_of(bundle.sha256, name), content, "application/octet-stream")
    return make_current(blobs, bundle)


def make_current(blobs: BlobStore, bundle: Bundle) -> Pointer:
    """Point to a bundle that is in the store; ``roll_back`` then leads to the one before."""
    return point(blobs, bundle, _previous(_before(blobs), bundle))


def roll_back(*, blobs: BlobStore) -> Pointer:
    """Check the earlier bundle, then point to it; raise ``BundleError`` if there is none.

    One step only: what was gone back from is not what a second call should bring back.
    """
    current = read_pointer(blobs)
    if current is None:
        raise BundleError("No bundle is published; run `sketchnorm publish BUNDLE`.")
    if current.previous is None:
        raise BundleError(
            f"There is no bundle before {current.version} to go back to; publish the folder of "
            "the one you want."
        )
    return point(blobs, open_published(blobs, current.previous), None)


@dataclass(frozen=True)
class ListedBundle:
    """A published bundle; ``version`` is ``None`` if its manifest cannot be read."""

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


def key_of(sha256: str, name: str) -> str:
    """Where a file of a published bundle lies."""
    return f"models/{sha256}/{name}"


def read_pointer(blobs: BlobStore) -> Pointer | None:
    """``None`` if nothing was published; raise ``BundleError`` if the pointer is damaged."""
    try:
        content = blobs.get(POINTER)
    except NotFound:
        return None
    return Pointer.from_bytes(content)


def point(blobs: BlobStore, bundle: Bundle, previous: str | None) -> Pointer:
    """Make a bundle that is in the store the current one."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    pointer = Pointer(bundle.sha256, bundle.version, previous, now)
    blobs.put(POINTER, pointer.as_bytes(), "application/json")
    return pointer


def open_checked(folder: Path) -> Bundle:
    """Open the bundle in ``folder``; raise ``BundleError`` unless it passes its self-test."""
    bundle = Bundle.open(folder)
    self_test.check(bundle)
    return bundle


def open_published(blobs: BlobStore, sha256: str) -> Bundle:
    """Fetch, check and open; the files are not needed after that and leave nothing behind.

    Raise ``StorageUnavailable`` if it can be tried again later.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="sketchnorm-bundle-") as folder:
            return _fetch_and_open(blobs, sha256, Path(folder))
    except OSError as error:
        raise StorageUnavailable(
            f"A bundle cannot be put into {tempfile.gettempdir()} ({error.strerror}); make room "
            "there."
        ) from error


def _fetch_and_open(blobs: BlobStore, sha256: str, folder: Path) -> Bundle:
    """The names are ours, never read from the manifest, so that it cannot name files elsewhere."""
    for file in (MANIFEST, *CHECKSUMMED):
        (folder / file).write_bytes(_fetch(blobs, sha256, file))
    where = f"the published bundle {sha256[:12]}"
    if hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest() != sha256:
        raise BundleError(f"{MANIFEST} of {where} was changed; publish the bundle again.")
    try:
        return open_checked(folder)
    except BundleError as error:
        # The folder is gone by the time that anybody reads the sentence.
        raise BundleError(str(error).replace(str(folder), where)) from error


def _fetch(blobs: BlobStore, sha256: str, file: str) -> bytes:
    try:
        return blobs.get(key_of(sha256, file))
    except NotFound as error:
        raise BundleError(
            f"{file} of the published bundle {sha256[:12]} is missing in the store; publish the "
            "bundle again."
        ) from error


def _damaged() -> BundleError:
    return BundleError(
        f"The pointer {POINTER} in the store is damaged; publish a bundle to write it anew."
    )


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


def _version(blobs: BlobStore, sha256: str) -> str | None:
    try:
        return str(json.loads(blobs.get(key_of(sha256, MANIFEST)))["version"])
    except (NotFound, ValueError, KeyError, TypeError):
        return None
