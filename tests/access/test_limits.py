"""Who guesses waits longer and longer; who never guessed waits for a minute at most."""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from app.access.limits import (
    LONGEST_WAIT,
    LONGEST_WAIT_FOR_OTHERS,
    UNKNOWN,
    Attempts,
    Rate,
    client_of,
)
from app.alarms import ALARMS
from app.errors import TooOften
from app.storage.database import Database
from app.storage.tables import LoginAttempts
from tests.support.clocks import Clock

KEY = bytes(32)


@pytest.fixture
def attempts(database: Database) -> Attempts:
    return Attempts(database, KEY)


def wait_of(attempts: Attempts, client: str, clock: Clock) -> float:
    """Seconds; 0, and the attempt counts, if there is no need to wait."""
    try:
        attempts.admit(client, clock())
    except TooOften as error:
        return error.seconds
    return 0.0


def test_a_slip_or_two_cost_no_time(attempts: Attempts, clock: Clock) -> None:
    assert [wait_of(attempts, "one", clock) for _ in range(3)] == [0, 0, 0]


def test_each_further_guess_costs_twice_as_long(attempts: Attempts, clock: Clock) -> None:
    waits = []
    for _ in range(16):
        waits.append(wait_of(attempts, "one", clock))
        clock.passes(seconds=waits[-1])
        if waits[-1]:
            assert wait_of(attempts, "one", clock) == 0
    own = [wait for wait in waits if wait]
    assert own == sorted(own)
    assert own[-1] <= LONGEST_WAIT.total_seconds()
    assert own[:4] == [1, 2, 4, 8]


def test_one_who_guesses_all_the_time_rings_the_alarm(attempts: Attempts, clock: Clock) -> None:
    alarm = next(one for one in ALARMS if one.name == "LoginsFail")
    begun, guesses = clock(), 0
    while clock() < begun + timedelta(seconds=alarm.seconds):
        guesses += not wait_of(attempts, "one", clock)
        clock.passes(seconds=1)
    assert guesses >= alarm.threshold


def test_the_right_password_forgives_ones_own_slips(attempts: Attempts, clock: Clock) -> None:
    for _ in range(3):
        attempts.admit("one", clock())
    attempts.was_right("one", clock())
    assert [wait_of(attempts, "one", clock) for _ in range(3)] == [0, 0, 0]


def test_what_was_guessed_a_day_ago_is_forgotten(attempts: Attempts, clock: Clock) -> None:
    while not wait_of(attempts, "one", clock):
        pass
    clock.passes(hours=25)
    assert wait_of(attempts, "one", clock) == 0


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10)), min_size=20, max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_who_never_guessed_waits_a_minute_at_most(
    database: Database, guesses: list[tuple[int, int]]
) -> None:
    attempts, clock = Attempts(database, KEY), Clock()
    with database.writing() as tx:
        tx.execute(delete(LoginAttempts))
    for client, _ in guesses:  # until all have to wait
        wait_of(attempts, f"guesser {client}", clock)
    came = clock()
    for client, pause in guesses * 7:
        if not wait_of(attempts, "the admin", clock):
            break
        wait_of(attempts, f"guesser {client}", clock)
        clock.passes(seconds=1 + pause)
    assert clock() - came <= LONGEST_WAIT_FOR_OTHERS + timedelta(seconds=11)


def test_many_clients_together_guess_slowly(attempts: Attempts, clock: Clock) -> None:
    through = 0
    for second in range(600):
        for client in range(5):
            through += not wait_of(attempts, f"{second}-{client}", clock)
        clock.passes(seconds=1)
    assert through < 100


def test_nobodys_address_is_in_the_database(
    attempts: Attempts, database: Database, clock: Clock
) -> None:
    attempts.admit("203.0.113.7", clock())
    with database.reading() as tx:
        assert not any("203" in row.who for row in tx.query(LoginAttempts))


def test_an_attempt_counts_before_the_password_is_known_to_be_wrong(
    attempts: Attempts, clock: Clock
) -> None:
    assert [wait_of(attempts, "one", clock) for _ in range(3)] == [0, 0, 0]
    assert wait_of(attempts, "one", clock) > 0


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_all_addresses_of_one_customer_are_one_client(address: IPv6Address, rest: int) -> None:
    neighbour = IPv6Address(int(address) >> 64 << 64 | rest)
    assert client_of(neighbour) == client_of(address)


def test_addresses_of_two_customers_are_two_clients() -> None:
    addresses = ("2001:db8:0:1::1", "2001:db8:0:2::1", "203.0.113.7", "203.0.113.8")
    assert len({client_of(ip_address(address)) for address in addresses}) == len(addresses)


def test_who_has_no_address_is_unknown() -> None:
    assert client_of(None) == UNKNOWN


def test_so_many_in_a_minute_and_then_one_waits() -> None:
    at = [0.0]
    rate = Rate(lambda: at[0])
    for _ in range(30):
        rate.admit("one", 30)
    with pytest.raises(TooOften) as refused:
        rate.admit("one", 30)
    rate.admit("another", 30)
    at[0] += refused.value.seconds
    rate.admit("one", 30)


def test_a_rate_of_zero_is_no_limit() -> None:
    rate = Rate(lambda: 0.0)
    for _ in range(1000):
        rate.admit("one", 0)
