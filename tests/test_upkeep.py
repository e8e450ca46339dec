"""The parts of scheduled work."""

from pathlib import Path

import pytest
from sqlalchemy import text

from app.environment import Settings
from app.errors import SketchnormError, StorageUnavailable, WrongEnvironment
from app.upkeep import Upkeep
from tests.support import ledger
from tests.support.operators import Operator
from tests.support.storage import contents


def upkeep(operator: Operator, tmp_path: Path) -> Upkeep:
    environ = {"ENVIRONMENT": "local", "DATA_DIR": str(operator.folder)}
    return Upkeep.open(Settings.load(environ, tmp_path))


def test_the_database_can_be_read_and_not_be_changed(operator: Operator, tmp_path: Path) -> None:
    ledger.start(operator.database, "DELETE")
    parts = upkeep(operator, tmp_path)
    before = contents(operator.folder)
    with parts.reading_database() as database:
        with database.reading() as tx:
            assert tx.scalar(text("PRAGMA journal_mode")) == "delete"
        with pytest.raises(SketchnormError), database.reading() as tx:
            tx.execute(text("DELETE FROM ledger"))
    assert contents(operator.folder) == before


def test_a_database_of_another_environment_is_refused(tmp_path: Path) -> None:
    theirs = Operator.with_a_site(tmp_path / "theirs", "production")
    with (
        pytest.raises(WrongEnvironment, match="ENVIRONMENT=production"),
        upkeep(theirs, tmp_path).reading_database(),
    ):
        pass


def test_a_database_that_is_not_there_is_not_made(operator: Operator, tmp_path: Path) -> None:
    operator.database.unlink()
    with pytest.raises(StorageUnavailable), upkeep(operator, tmp_path).reading_database():
        pass
    assert not operator.database.exists()
