"""What one environment made, another one can neither open nor change."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import WrongEnvironment
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from tests.support.stores.databases import (
    ON_POSTGRESQL,
    Place,
    a_row,
    contents,
    open_database,
    sqlite_url,
)

ENVIRONMENTS = st.sampled_from(["local", "production"]) | st.text("abé'\"\\%{", min_size=1)
# Each example makes real files and syncs them: few examples, and no limit on how long one takes.
real_files = settings(max_examples=25, deadline=None)


@real_files
@given(ENVIRONMENTS, ENVIRONMENTS)
def test_a_store_opens_only_from_where_it_was_made(made_by: str, opened_by: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        FolderBlobStore(folder, made_by).put("demo/a", b"x", "text/plain")
        before = contents(folder)
        if made_by == opened_by:
            assert FolderBlobStore(folder, opened_by).get("demo/a") == b"x"
        else:
            with pytest.raises(WrongEnvironment):
                FolderBlobStore(folder, opened_by)
        assert contents(folder) == before


@real_files
@given(ENVIRONMENTS, ENVIRONMENTS)
def test_a_database_opens_only_from_where_it_was_made(made_by: str, opened_by: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_database(folder, made_by) as database, database.writing() as tx:
            tx.add(a_row())
        before = contents(folder)
        if made_by == opened_by:
            Database.open(sqlite_url(folder), opened_by).close()
        else:
            with pytest.raises(WrongEnvironment):
                Database.open(sqlite_url(folder), opened_by)
        assert contents(folder) == before


def test_the_refusal_names_both_environments_and_the_way_out(tmp_path: Path) -> None:
    with open_database(tmp_path, "production"):
        pass
    FolderBlobStore(tmp_path, "production")
    with pytest.raises(WrongEnvironment, match=r"'production'.*'local'.*ENVIRONMENT=production"):
        Database.open(sqlite_url(tmp_path), "local")
    with pytest.raises(WrongEnvironment, match=r"'production'.*'local'.*ENVIRONMENT=production"):
        FolderBlobStore(tmp_path, "local")


@pytest.mark.parametrize("kind", [ON_POSTGRESQL])
def test_a_server_s_database_opens_only_from_where_it_was_made(place: Place) -> None:
    with place.opened("production"):
        pass
    with pytest.raises(WrongEnvironment, match=r"'production'.*'local'.*use another DATABASE_URL"):
        place.open("local")
    place.open("production").close()
