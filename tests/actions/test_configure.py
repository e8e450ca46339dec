"""The level: read by whoever analyses, set while others read it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.actions.configure import HIGHEST, LOWEST, CurrentLevel
from app.errors import InvalidRequest, StorageUnavailable
from app.scoring.assessment import LEVEL
from app.storage.database import Database
from app.storage.tables import Configuration
from tests.support.stores.databases import open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path) as database:
        yield database


def test_until_it_is_set_it_is_the_usual_one(database: Database) -> None:
    assert CurrentLevel(database).read() == LEVEL


def test_another_process_has_it_with_its_next_drawing(database: Database) -> None:
    here, elsewhere = CurrentLevel(database), CurrentLevel(database)
    elsewhere.read()
    for level in (0.02, HIGHEST, LOWEST):
        here.change(level)
        assert elsewhere.read() == level


@pytest.mark.parametrize("level", [0.0, -0.05, 0.0009, 0.2501, 1.0, float("nan"), float("inf")])
def test_a_level_that_means_nothing_is_refused_and_changes_nothing(
    database: Database, level: float
) -> None:
    current = CurrentLevel(database)
    with pytest.raises(InvalidRequest, match=r"from 0\.1 to 25 per cent"):
        current.change(level)
    assert current.read() == LEVEL


def test_without_its_database_it_is_the_last_known_one(database: Database) -> None:
    current = CurrentLevel(database)
    current.change(0.02)
    current.read()
    Configuration.metadata.tables["configuration"].drop(database.engine)
    assert current.read() == 0.02
    with pytest.raises(StorageUnavailable):
        current.change(0.03)
