"""The stores as scheduled work opens them."""

from pathlib import Path

import pytest
from sqlalchemy import text

from app.environment import Settings
from app.errors import SketchnormError, StorageUnavailable, WrongEnvironment
from app.stores import Stores
from tests.support.people.operators import Operator
from tests.support.stores import ledger
from tests.support.stores.databases import contents


def opened(operator: Operator, tmp_path: Path) -> Stores:
    environ = {"ENVIRONMENT": "local", "DATA_DIR": str(operator.folder)}
    return Stores.open_read_only(Settings.load(environ, tmp_path))


def test_the_database_can_be_read_and_not_be_changed(operator: Operator, tmp_path: Path) -> None:
    ledger.start(operator.database, "DELETE")
    database = opened(operator, tmp_path).database
    before = contents(operator.folder)
    with database.reading() as tx:
        assert tx.scalar(text("PRAGMA journal_mode")) == "delete"
    with pytest.raises(SketchnormError), database.reading() as tx:
        tx.execute(text("DELETE FROM ledger"))
    assert contents(operator.folder) == before


def test_a_database_of_another_environment_is_refused(tmp_path: Path) -> None:
    theirs = Operator.with_a_site(tmp_path / "theirs", "production")
    with (
        pytest.raises(WrongEnvironment, match="ENVIRONMENT=production"),
        opened(theirs, tmp_path).database.reading(),
    ):
        pass


def test_a_database_that_is_not_there_is_not_made(operator: Operator, tmp_path: Path) -> None:
    operator.database.unlink()
    with pytest.raises(StorageUnavailable), opened(operator, tmp_path).database.reading():
        pass
    assert not operator.database.exists()
