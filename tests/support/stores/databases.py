"""Databases of either kind, a row to keep in them, and what lies in a folder."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, Self

import pytest
from sqlalchemy import URL, make_url

from app.environment import DATABASE_FILE
from app.storage import schema, sqlite
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.schema import migrate
from app.storage.sqlite import JournalChoice
from app.storage.tables import Drawing

JOURNALS: tuple[JournalChoice, ...] = ("wal", "delete")
Kind = JournalChoice | Literal["postgresql"]  # a journal of SQLite's, or the other engine
POSTGRESQL: Final = "postgresql"
ON_POSTGRESQL = pytest.param(POSTGRESQL, marks=pytest.mark.postgres)


@dataclass(frozen=True)
class Place:
    """Where a site is kept: its database at ``url``, its files in ``folder``."""

    folder: Path
    url: str
    journal: JournalChoice = "auto"

    @classmethod
    def in_folder(cls, folder: Path, journal: JournalChoice = "auto") -> Self:
        """With a database in SQLite."""
        return cls(folder, sqlite_url(folder), journal)

    @property
    def kind(self) -> Kind:
        """Of its database."""
        return POSTGRESQL if self.url.startswith(POSTGRESQL) else self.journal

    @property
    def blobs(self) -> FolderBlobStore:
        """Where its files are."""
        return FolderBlobStore(self.folder / "blobs", "local")

    def open(self, environment: str = "local") -> Database:
        """Open the database, of any schema."""
        return Database.open(self.url, environment, self.journal)

    @contextmanager
    def opened(self, environment: str = "local") -> Iterator[Database]:
        """The database, migrated, and closed at the end."""
        make_database(self.url, environment, self.journal)
        with closing(self.open(environment)) as database:
            yield database


NewPlace = Callable[[], Place]
NewDatabase = Callable[[Path], AbstractContextManager[str]]


def in_sqlite(folder: Path) -> AbstractContextManager[str]:
    """The address of a database in that folder, which goes with it."""
    return nullcontext(sqlite_url(folder))


def sqlite_url(folder: Path) -> str:
    """The address of the database that tests keep in ``folder``."""
    return URL.create("sqlite", database=str(folder / DATABASE_FILE)).render_as_string()


def make_database(url: str, environment: str, journal: JournalChoice = "auto") -> None:
    """One of the newest schema; what is there already is migrated."""
    file = Path(str(make_url(url).database))
    if url.startswith(POSTGRESQL) or file.exists():
        with closing(Database.open(url, environment, journal)) as database:
            migrate(database)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_migrated(environment, schema.REVISIONS))


@cache
def _migrated(environment: str, revisions: tuple[str, ...]) -> bytes:
    """The file of a new one: all migrations take many times as long as to copy what they made.

    It has the journal that works on every disk. ``revisions`` are those that the code knows now, as
    some tests have it know later ones.
    """
    with TemporaryDirectory() as folder:
        place = Place.in_folder(Path(folder), "delete")
        with closing(place.open(environment)) as database:
            migrate(database)
        return (place.folder / DATABASE_FILE).read_bytes()


def open_database(
    folder: Path, environment: str = "local", journal: JournalChoice = "auto"
) -> AbstractContextManager[Database]:
    """A migrated database in ``folder``, closed at the end."""
    return Place.in_folder(folder, journal).opened(environment)


def use_journal(journal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have databases opened from now on as on a disk that needs this journal."""
    monkeypatch.setattr(sqlite, "on_network", lambda file: journal == "delete")


def a_row(**changes: object) -> Drawing:
    """A drawing's row that can be kept, without its files; ``changes`` are its columns."""
    usual = {"age_years": 6.5, "picture_key": "drawings/a.png", "picture_type": "image/png"}
    return Drawing(**{**usual, **changes})


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything below ``folder``: bytes of files, ``None`` for folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
