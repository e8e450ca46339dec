"""A store that is elsewhere: it can be away, answer late, or lose its answers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import NotFound, StorageRefused, StorageUnavailable


@dataclass
class DistantStore:
    """In memory; ``written`` notes each key as often as its blob was put there.

    It refuses what has to do with some keys. It answers only while its ``door`` is open;
    ``inside`` is set once somebody stands before it.
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
