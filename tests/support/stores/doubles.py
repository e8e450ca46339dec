"""Blob stores that a test looks into: one that watches a real one, and one in memory.

Both can be away, and both answer only while their ``door`` is open.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import NotFound, StorageRefused, StorageUnavailable
from app.storage.blobs.store import BlobState, BlobStore


@dataclass
class WatchedStore:
    """A real store; ``asked`` notes what was read."""

    inner: BlobStore
    asked: list[str] = field(default_factory=list)
    away: bool = False
    door: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.door.set()

    def get(self, key: str) -> bytes:
        self.asked.append(key)
        self.door.wait(20)
        if self.away:
            raise StorageUnavailable("The store cannot be used now; try again in a moment.")
        return self.inner.get(key)

    def put(self, key: str, content: bytes, content_type: str) -> None:
        self.inner.put(key, content, content_type)

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        return self.inner.put_new(key, content, content_type)

    def put_new_file(
        self, key: str, file: Path, content_type: str, *, archived: bool = False
    ) -> bool:
        return self.inner.put_new_file(key, file, content_type, archived=archived)

    def get_file(self, key: str, file: Path) -> None:
        self.inner.get_file(key, file)

    def delete(self, key: str) -> None:
        self.inner.delete(key)

    def exists(self, key: str) -> bool:
        return self.inner.exists(key)

    def look(self, key: str) -> BlobState:
        return self.inner.look(key)

    def keys(self, prefix: str) -> tuple[str, ...]:
        return self.inner.keys(prefix)


@dataclass
class DistantStore:
    """A store in memory; ``written`` notes each key as often as its blob was put there.

    It refuses what has to do with some keys; it can lose its answers. ``inside`` is set once
    somebody stands before its door.
    """

    blobs: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    asked: int = 0
    away: bool = False
    lose_answers: bool = False
    refuses: set[str] = field(default_factory=set)
    door: threading.Event = field(default_factory=threading.Event)
    inside: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.door.set()

    def put(self, key: str, content: bytes, content_type: str) -> None:
        with self._reached(key):
            self.blobs[key], self.types[key] = content, content_type
            self.written.append(key)

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        with self._reached(key):
            if key in self.blobs:
                return False
            self.blobs[key], self.types[key] = content, content_type
            self.written.append(key)
        return True

    def put_new_file(
        self, key: str, file: Path, content_type: str, *, archived: bool = False
    ) -> bool:
        return self.put_new(key, file.read_bytes(), content_type)

    def get(self, key: str) -> bytes:
        with self._reached(key):
            if key not in self.blobs:
                raise NotFound("It is not there.")
            return self.blobs[key]

    def get_file(self, key: str, file: Path) -> None:
        file.write_bytes(self.get(key))

    def delete(self, key: str) -> None:
        with self._reached(key):
            self.blobs.pop(key, None)

    def exists(self, key: str) -> bool:
        with self._reached(key):
            return key in self.blobs

    def look(self, key: str) -> BlobState:
        content = self.get(key)
        return BlobState(len(content), str(self.written.count(key)))

    def keys(self, prefix: str) -> tuple[str, ...]:
        with self._reached(prefix):
            return tuple(sorted(key for key in self.blobs if key.startswith(f"{prefix}/")))

    @contextmanager
    def _reached(self, key: str) -> Iterator[None]:
        self.asked += 1
        self.inside.set()
        self.door.wait(20)
        if self.away:
            raise StorageUnavailable("The store is away.")
        if key in self.refuses:
            raise StorageRefused("The store is of no use now.", "The bucket refused (NoReason).")
        yield
        if self.lose_answers:
            raise StorageUnavailable(f"The answer about {key} was lost.")
