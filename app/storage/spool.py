"""Where a visitor's files wait while the store cannot be reached.

A spool is a folder beside the database: on a disk that outlives the process, never a temporary
one. Each key has at most one file ``<sha256 of the key>`` in it, the last that was asked for: bytes
to keep, or the mark that they are to be deleted. One process at a time moves them; what it holds is
renamed to ``<…>.moving``, so that whoever keeps or deletes under the same key meanwhile neither
waits nor is overtaken.
"""

import fcntl
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.errors import StorageUnavailable
from app.storage.blobs import BlobStore
from app.storage.files import sync_folder, write_atomically

log = logging.getLogger(__name__)

LOCK = ".lock"
MOVING = ".moving"


@dataclass(frozen=True)
class Waiting:
    """The last that was asked for under a key; ``content=None`` is a deletion."""

    key: str
    content_type: str
    content: bytes | None

    def as_bytes(self) -> bytes:
        """A line that describes, then the bytes as they are."""
        deleted = self.content is None
        line = json.dumps({"key": self.key, "type": self.content_type, "deleted": deleted})
        return line.encode() + b"\n" + (self.content or b"")

    @classmethod
    def from_bytes(cls, written: bytes) -> "Waiting":
        """Raise ``ValueError`` where this is not what was written."""
        line, _, content = written.partition(b"\n")
        try:
            told = json.loads(line)
            return cls(told["key"], told["type"], None if told["deleted"] else content)
        except (KeyError, TypeError) as error:
            raise ValueError("not a file of a spool") from error


@dataclass(frozen=True)
class Drained:
    """How many were moved to where they belong, and how many still wait."""

    moved: int
    left: int


@dataclass(frozen=True)
class Spool:
    """Blobs and deletions that wait; the folder is made when there is something to keep in it."""

    folder: Path

    def keep(self, key: str, content: bytes, content_type: str) -> None:
        """Safe on the disk when this returns; raise ``StorageUnavailable`` where it is not."""
        self._write(Waiting(key, content_type, content))

    def forget(self, key: str) -> None:
        """Remove what waits at ``key``, and have it deleted where it belongs, too."""
        self._write(Waiting(key, "", None))

    def find(self, key: str) -> Waiting | None:
        """What waits at ``key``; a blob that is moved away meanwhile is there already."""
        name = _name(key)
        with _usable():
            try:
                return self._read(name)
            except ValueError as error:
                raise StorageUnavailable(f"The file {name} in the spool is damaged.") from error

    def is_waiting(self, key: str) -> bool:
        """Whether anything, a deletion included, is still to be done at ``key``."""
        path = self.folder / _name(key)
        with _usable():
            return path.exists() or _moving(path).exists()

    def all_below(self, prefix: str) -> dict[str, bool]:
        """The keys at which something waits, and whether that is a blob."""
        with _usable():
            found = [self._read_whole(name) for name in self._names()]
        below = [one for one in found if one is not None and one.key.startswith(f"{prefix}/")]
        return {one.key: one.content is not None for one in below}

    def count(self) -> int:
        """How many keys wait."""
        with _usable():
            return len(self._names())

    def check(self) -> None:
        """Raise ``StorageUnavailable`` unless something could be kept here now."""
        with _usable():
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass

    def drain(self, store: BlobStore) -> Drained:
        """Move what waits to ``store`` until it fails; safe to kill anywhere and to do twice."""
        if not self.count():
            return Drained(0, 0)
        with _usable(), self._alone() as alone:
            moved = self._move_all(store) if alone else 0
        return Drained(moved, self.count())

    def _move_all(self, store: BlobStore) -> int:
        moved = 0
        for name in self._names():
            try:
                moved += self._move(name, store)
            except StorageUnavailable as error:
                log.warning("What waits in the spool stays there for now: %s", error)
                break
        return moved

    def _move(self, name: str, store: BlobStore) -> bool:
        path = self.folder / name
        if path.exists():
            # Also over what an earlier process was moving when it was killed: this is newer.
            path.replace(_moving(path))
        waiting = self._read_whole(name)
        if waiting is None:
            return False
        settle(waiting, store)
        _moving(path).unlink()
        # Else a power cut could bring it back, and with it a blob that was deleted since.
        sync_folder(self.folder)
        return True

    def _write(self, waiting: Waiting) -> None:
        with _usable():
            write_atomically(self.folder / _name(waiting.key), waiting.as_bytes())

    def _read(self, name: str) -> Waiting | None:
        for path in (self.folder / name, _moving(self.folder / name)):
            with suppress(FileNotFoundError):
                return Waiting.from_bytes(path.read_bytes())
        return None

    def _read_whole(self, name: str) -> Waiting | None:
        try:
            return self._read(name)
        except ValueError:
            log.exception("The file %s in %s is damaged and left there", name, self.folder)
            return None

    def _names(self) -> list[str]:
        if not self.folder.exists():
            return []
        names = (path.name.removesuffix(MOVING) for path in self.folder.iterdir())
        return sorted({name for name in names if not name.startswith(".")})

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether nobody else moves just now; the lock ends with the process, however it ends."""
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield _is_first(descriptor)
        finally:
            os.close(descriptor)


def settle(waiting: Waiting, store: BlobStore) -> None:
    """Do what waited; done twice it is the same.

    Mostly the key is new. It is not where an earlier try was kept and its answer lost, nor where
    the blob replaces another.
    """
    if waiting.content is None:
        store.delete(waiting.key)
        return
    kept = store.put_new(waiting.key, waiting.content, waiting.content_type)
    if not kept and store.get(waiting.key) != waiting.content:
        store.put(waiting.key, waiting.content, waiting.content_type)


def _is_first(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _moving(path: Path) -> Path:
    return path.with_name(path.name + MOVING)


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(
            "The disk on which files wait for the file store cannot be used now; "
            "try again in a moment."
        ) from error
