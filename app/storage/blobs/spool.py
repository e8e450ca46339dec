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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from app.errors import InvalidRequest, NotFound, StorageRefused, StorageUnavailable
from app.storage import faults
from app.storage.blobs.store import BlobStore, check_key
from app.storage.files import remove_abandoned, sync_folder, write_atomically

log = logging.getLogger(__name__)

PLACE = "the spool"
LOCK = ".lock"
MOVING = ".moving"
LONGEST_LINE = 4096


@dataclass(frozen=True)
class Label:
    """The line: what is to be done at which key."""

    key: str
    content_type: str
    deleted: bool

    @classmethod
    def read(cls, stream: IO[bytes]) -> "Label":
        """Raise ``ValueError`` if this is not what was written."""
        try:
            told = json.loads(stream.readline(LONGEST_LINE))
            return cls(check_key(told["key"]), str(told["type"]), bool(told["deleted"]))
        except (KeyError, TypeError, InvalidRequest) as error:
            raise ValueError("not a file of a spool") from error

    def as_line(self) -> bytes:
        """Including the trailing newline."""
        told = {"key": self.key, "type": self.content_type, "deleted": self.deleted}
        return json.dumps(told).encode() + b"\n"


@dataclass(frozen=True)
class Waiting:
    """The last that was asked for under a key."""

    label: Label
    content: bytes

    @classmethod
    def read(cls, stream: IO[bytes]) -> "Waiting":
        """Raise ``ValueError`` if this is not what was written."""
        return cls(Label.read(stream), stream.read())

    def as_bytes(self) -> bytes:
        """What is kept in the file."""
        return self.label.as_line() + self.content


Entry = TypeVar("Entry", Label, Waiting)


@dataclass(frozen=True)
class Drained:
    """How many were moved to where they belong, how many still wait, and how many of these because
    the store ``refused`` them; ``refusal`` is what it said to the last, for the operator.
    """

    moved: int
    left: int
    refused: int = 0
    refusal: str | None = None


@dataclass(frozen=True)
class Spool:
    """Blobs and deletions that wait; the folder is made when there is something to keep in it."""

    folder: Path

    def keep(self, key: str, content: bytes, content_type: str) -> None:
        """Write it durably; raise ``StorageUnavailable`` if that cannot be done."""
        self._write(Waiting(Label(key, content_type, deleted=False), content))

    def forget(self, key: str) -> None:
        """Remove what waits at ``key``, and have it deleted where it belongs, too."""
        self._write(Waiting(Label(key, "", deleted=True), b""))

    def find(self, key: str) -> Waiting | None:
        """What waits at ``key``; a blob that is moved away meanwhile is there already."""
        return self._find(key, Waiting.read)

    def look(self, key: str) -> Label | None:
        """What is to be done at ``key``, without reading all that waits."""
        return self._find(key, Label.read)

    def is_waiting(self, key: str) -> bool:
        """Whether anything, a deletion included, is still to be done at ``key``."""
        path = self.folder / _name(key)
        with _usable():
            return path.exists() or _moving(path).exists()

    def all_below(self, prefix: str) -> dict[str, bool]:
        """The keys at which something waits, and whether that is a blob."""
        with _usable():
            found = [self._read_whole(name, Label.read) for name in self._names()]
        below = [one for one in found if one is not None and one.key.startswith(f"{prefix}/")]
        return {one.key: not one.deleted for one in below}

    def count(self) -> int:
        """How many keys wait."""
        with _usable():
            return len(self._names())

    def check(self) -> None:
        """Raise ``StorageUnavailable`` unless a drawing could be kept here now."""
        with _usable():
            self.folder.mkdir(parents=True, exist_ok=True)
        faults.check_disk(self.folder, PLACE)

    def drain(self, store: BlobStore) -> Drained:
        """Move what waits to ``store`` until that is away; safe to kill anywhere, and to do twice.

        What the store refuses stays, and holds up nothing else.
        """
        with _usable():
            remove_abandoned(self.folder)
        if not self.count():
            return Drained(0, 0)
        with _usable(), self._alone() as alone:
            moved, refusals = self._move_all(store) if alone else (0, [])
        return Drained(moved, self.count(), len(refusals), refusals[-1] if refusals else None)

    def _move_all(self, store: BlobStore) -> tuple[int, list[str]]:
        """How many were moved, and what the store said to each that it refused."""
        moved, refusals = 0, []
        for name in self._names():
            try:
                moved += self._move(name, store)
            except StorageRefused as error:
                refusals.append(error.advice)
            except StorageUnavailable as error:
                log.warning("What waits in the spool stays there for now: %s", error.advice)
                break
        if refusals:
            log.error("The store refuses %d files of the spool: %s", len(refusals), refusals[-1])
        return moved, refusals

    def _move(self, name: str, store: BlobStore) -> bool:
        path = self.folder / name
        if path.exists():
            # Also over what an earlier process was moving when it was killed: this is newer.
            path.replace(_moving(path))
        waiting = self._read_whole(name, Waiting.read)
        if waiting is None:
            return False
        settle(waiting, store)
        _moving(path).unlink()
        # Else a power cut could bring it back, and with it a blob that was deleted since.
        sync_folder(self.folder)
        return True

    def _write(self, waiting: Waiting) -> None:
        with _usable():
            write_atomically(self.folder / _name(waiting.label.key), waiting.as_bytes())

    def _find(self, key: str, read: Callable[[IO[bytes]], Entry]) -> Entry | None:
        name = _name(key)
        with _usable():
            try:
                return self._read(name, read)
            except ValueError as error:
                raise StorageUnavailable(f"The file {name} in the spool is damaged.") from error

    def _read(self, name: str, read: Callable[[IO[bytes]], Entry]) -> Entry | None:
        for path in (self.folder / name, _moving(self.folder / name)):
            with suppress(FileNotFoundError), path.open("rb") as stream:
                return read(stream)
        return None

    def _read_whole(self, name: str, read: Callable[[IO[bytes]], Entry]) -> Entry | None:
        try:
            return self._read(name, read)
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

    Mostly the key is new. It is not if an earlier try was kept and its answer lost, nor if
    the blob replaces another.
    """
    label = waiting.label
    if label.deleted:
        store.delete(label.key)
        return
    kept = store.put_new(label.key, waiting.content, label.content_type)
    if not kept and not _holds(store, waiting):
        store.put(label.key, waiting.content, label.content_type)


def _holds(store: BlobStore, waiting: Waiting) -> bool:
    """False if the blob was deleted in the meantime."""
    try:
        return store.get(waiting.label.key) == waiting.content
    except NotFound:
        return False


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
        raise faults.of_disk(error, PLACE) from error
