"""A process that dies at a chosen moment, as far as a database and a store can tell.

Once it is dead nothing that its code still tries, such as tidying up, reaches either of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self

from sqlalchemy.orm import Session

from app.storage.blobs.store import BlobState, BlobStore
from app.storage.database import Database


class Crash(BaseException):
    """Not an ``Exception``: no code may mend what happens after it."""


@dataclass
class Life:
    """Ends with the step after ``steps`` more; ``None`` is long."""

    steps: int | None = None
    taken: int = 0

    def step(self) -> None:
        """Raise ``Crash`` from the last one on."""
        if self.steps is not None and self.taken >= self.steps:
            raise Crash
        self.taken += 1


@dataclass(frozen=True)
class MortalDatabase(Database):
    """Dies before a commit or just after it, as well as at reading."""

    life: Life = field(default_factory=Life)

    @classmethod
    def of(cls, database: Database, life: Life) -> Self:
        """The same database, for a process that lives no longer than that."""
        return cls(**{one.name: getattr(database, one.name) for one in fields(database)}, life=life)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self.life.step()
        with super().reading() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        self.life.step()
        with super().writing() as session:
            yield session
            self.life.step()
        self.life.step()


@dataclass(frozen=True)
class MortalStore:
    """Dies before or after it kept or deleted something."""

    inner: BlobStore
    life: Life

    def put(self, key: str, content: bytes, content_type: str) -> None:
        self.life.step()
        self.inner.put(key, content, content_type)
        self.life.step()

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        self.life.step()
        kept = self.inner.put_new(key, content, content_type)
        self.life.step()
        return kept

    def put_new_file(
        self, key: str, file: Path, content_type: str, *, archived: bool = False
    ) -> bool:
        self.life.step()
        kept = self.inner.put_new_file(key, file, content_type, archived=archived)
        self.life.step()
        return kept

    def get(self, key: str) -> bytes:
        self.life.step()
        return self.inner.get(key)

    def get_file(self, key: str, file: Path) -> None:
        self.life.step()
        self.inner.get_file(key, file)

    def delete(self, key: str) -> None:
        self.life.step()
        self.inner.delete(key)
        self.life.step()

    def exists(self, key: str) -> bool:
        self.life.step()
        return self.inner.exists(key)

    def look(self, key: str) -> BlobState:
        self.life.step()
        return self.inner.look(key)

    def keys(self, prefix: str) -> tuple[str, ...]:
        self.life.step()
        return self.inner.keys(prefix)
