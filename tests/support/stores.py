"""A real store, watched."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import StorageUnavailable
from app.storage.blobs import BlobStore


@dataclass
class WatchedStore:
    """Notes what is asked for; it can be away, and it answers only while its door is open."""

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

    def keys(self, prefix: str) -> tuple[str, ...]:
        return self.inner.keys(prefix)
