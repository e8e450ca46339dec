"""SQLite databases in temporary folders, a row to keep in them, and what lies in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.storage import sqlite
from app.storage.database import Database
from app.storage.schema import migrate
from app.storage.sqlite import JournalChoice
from app.storage.tables import Drawing

JOURNALS: tuple[JournalChoice, ...] = ("wal", "delete")


def sqlite_url(folder: Path) -> str:
    """The address of the database that tests keep in ``folder``."""
    return f"sqlite:///{folder}/sketchnorm.sqlite3"


@contextmanager
def open_database(
    folder: Path, environment: str = "local", journal: JournalChoice = "auto"
) -> Iterator[Database]:
    """A migrated database in ``folder``, closed at the end."""
    database = Database.open(sqlite_url(folder), environment, journal)
    try:
        migrate(database)
        yield database
    finally:
        database.close()


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
