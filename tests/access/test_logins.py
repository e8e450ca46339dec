"""A login lives as long as it is used, and no longer than it may."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.access.logins import (
    Lifetimes,
    end_all,
    end_login,
    find_login,
    live_logins,
    make_login,
    note_use,
)
from app.storage.database import Database
from app.storage.tables import AdminLogin
from tests.support.clocks import BEGIN, Clock

LIFETIMES = Lifetimes(idle=timedelta(hours=1), whole=timedelta(hours=12))
EPOCH = 3


def is_live(database: Database, token: str, clock: Clock, epoch: int = EPOCH) -> bool:
    """Asked by somebody who uses it."""
    login = find_login(database, token, epoch, LIFETIMES, clock())
    if login is not None:
        note_use(database, login, clock())
    return login is not None


def test_a_login_is_found_by_what_the_browser_holds(database: Database, clock: Clock) -> None:
    token = make_login(database, EPOCH, "DE", LIFETIMES, clock())
    login = find_login(database, token, EPOCH, LIFETIMES, clock())
    assert login is not None
    assert (login.made_at, login.country) == (BEGIN, "DE")


def test_the_database_holds_nothing_that_lets_anybody_in(database: Database, clock: Clock) -> None:
    token = make_login(database, EPOCH, None, LIFETIMES, clock())
    with database.reading() as tx:
        kept = tx.scalars(select(AdminLogin.id)).one()
    assert token not in kept
    assert not is_live(database, kept, clock)


@given(st.text(max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_never_given_out_is_no_login(database: Database, text: str) -> None:
    assert find_login(database, text, EPOCH, LIFETIMES, BEGIN) is None


def test_an_unused_login_ends(database: Database, clock: Clock) -> None:
    token = make_login(database, EPOCH, None, LIFETIMES, clock())
    clock.passes(minutes=59)
    assert is_live(database, token, clock)
    clock.passes(minutes=59)
    assert is_live(database, token, clock)
    clock.passes(minutes=61)
    assert not is_live(database, token, clock)


def test_a_page_that_refreshes_itself_keeps_no_login_alive(
    database: Database, clock: Clock
) -> None:
    token = make_login(database, EPOCH, None, LIFETIMES, clock())
    for _ in range(59):
        clock.passes(minutes=1)
        assert find_login(database, token, EPOCH, LIFETIMES, clock()) is not None
    clock.passes(minutes=1)
    assert find_login(database, token, EPOCH, LIFETIMES, clock()) is None


def test_a_login_that_is_used_all_day_ends_all_the_same(database: Database, clock: Clock) -> None:
    token = make_login(database, EPOCH, None, LIFETIMES, clock())
    for _ in range(23):
        clock.passes(minutes=31)
        assert is_live(database, token, clock)
    clock.passes(minutes=31)
    assert not is_live(database, token, clock)


@pytest.mark.parametrize("other", [EPOCH - 1, EPOCH + 1])
def test_a_login_of_another_epoch_is_none(database: Database, clock: Clock, other: int) -> None:
    token = make_login(database, EPOCH, None, LIFETIMES, clock())
    assert not is_live(database, token, clock, other)
    assert is_live(database, token, clock)


def test_logging_out_ends_one_and_everywhere_ends_all(database: Database, clock: Clock) -> None:
    one, two, three = (make_login(database, EPOCH, None, LIFETIMES, clock()) for _ in range(3))
    end_login(database, one)
    assert [is_live(database, token, clock) for token in (one, two, three)] == [False, True, True]
    end_all(database)
    assert not any(is_live(database, token, clock) for token in (two, three))


def test_a_page_seen_every_second_writes_once_a_minute(database: Database, clock: Clock) -> None:
    token = make_login(database, EPOCH, None, LIFETIMES, clock())
    for _ in range(30):
        clock.passes(seconds=1)
        is_live(database, token, clock)
    (login,) = live_logins(database, EPOCH, LIFETIMES, clock())
    assert login.last_seen_at == BEGIN


def test_logins_that_are_over_are_forgotten(database: Database, clock: Clock) -> None:
    make_login(database, EPOCH, None, LIFETIMES, clock())
    clock.passes(hours=13)
    make_login(database, EPOCH, None, LIFETIMES, clock())
    with database.reading() as tx:
        assert len(tx.scalars(select(AdminLogin)).all()) == 1
