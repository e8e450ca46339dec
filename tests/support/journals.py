"""Both ways in which SQLite keeps its promises: on a local disk and on a network disk."""

import pytest

from app.storage import sqlite

JOURNALS = ("wal", "delete")


def use_journal(journal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have databases opened from now on as on a disk that needs this journal."""
    monkeypatch.setattr(sqlite, "on_network", lambda file: journal == "delete")
