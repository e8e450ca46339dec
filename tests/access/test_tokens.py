"""A token lets a program in until its time is over or it is revoked."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.access.tokens import find_token, list_tokens, make_token, revoke_token
from app.errors import InvalidRequest, NotFound
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.tables import ApiToken
from tests.support.clocks import BEGIN


def test_a_token_is_found_by_itself_alone(database: Database) -> None:
    made = make_token(database, "Study A", BEGIN)
    found = find_token(database, made, BEGIN)
    assert found is not None
    assert (found.name, found.expires_at, found.revoked_at) == ("Study A", None, None)
    for other in ("", made[:-1], made + "x", made.swapcase(), "Study A"):
        assert find_token(database, other, BEGIN) is None


def test_the_database_holds_nothing_that_lets_anybody_in(database: Database) -> None:
    made = make_token(database, "Study A", BEGIN)
    with database.reading() as tx:
        kept = tx.scalars(select(ApiToken.digest)).one()
    assert made not in kept
    assert find_token(database, kept, BEGIN) is None


def test_a_token_ends_when_its_time_is_over(database: Database) -> None:
    end = BEGIN + timedelta(days=30)
    made = make_token(database, "Study A", BEGIN, expires_at=end)
    assert find_token(database, made, end - timedelta(seconds=1)) is not None
    assert find_token(database, made, end) is None


def test_a_revoked_token_lets_nobody_in_and_stays_in_the_list(
    database: Database, blobs: FolderBlobStore
) -> None:
    made = make_token(database, "Study A", BEGIN)
    revoke_token(database, blobs, "Study A", BEGIN)
    assert find_token(database, made, BEGIN) is None
    assert [token.revoked_at for token in list_tokens(database)] == [BEGIN]
    with pytest.raises(NotFound):
        revoke_token(database, blobs, "Study A", BEGIN)


def test_a_name_is_taken_once_and_for_all(database: Database, blobs: FolderBlobStore) -> None:
    make_token(database, "Study A", BEGIN)
    revoke_token(database, blobs, "Study A", BEGIN)
    with pytest.raises(InvalidRequest, match="choose another name"):
        make_token(database, "Study A", BEGIN)


@pytest.mark.parametrize("name", ["", " ", "a" * 65, "<script>", "a\nb"])
def test_a_name_that_is_none_is_refused(database: Database, name: str) -> None:
    with pytest.raises(InvalidRequest, match="name"):
        make_token(database, name, BEGIN)


@pytest.mark.parametrize("per_minute", [0, -1, 6001])
def test_a_rate_that_is_none_is_refused(database: Database, per_minute: int) -> None:
    with pytest.raises(InvalidRequest, match="rate"):
        make_token(database, "Study A", BEGIN, per_minute=per_minute)


def test_a_token_that_would_have_expired_is_refused(database: Database) -> None:
    with pytest.raises(InvalidRequest, match="expired"):
        make_token(database, "Study A", BEGIN, expires_at=BEGIN)
