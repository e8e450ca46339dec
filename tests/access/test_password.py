"""A password is hard to guess, slow to check, and checked by one at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.password import (
    LONGEST,
    PasswordCheck,
    _verified,
    check_strength,
    hashed,
    is_hash,
)
from app.errors import Busy, WeakPassword
from tests.support.people.admins import HASH, PASSWORD


@pytest.mark.parametrize("weak", ["", "a", "password1", "sketchnorm", "qwertzuiop", "2026-11-26"])
def test_what_would_soon_be_guessed_is_refused(weak: str) -> None:
    with pytest.raises(WeakPassword):
        check_strength(weak)


def test_what_is_too_long_is_refused_before_it_is_judged() -> None:
    with pytest.raises(WeakPassword, match="longer than"):
        check_strength(PASSWORD * 100)


def test_words_that_nobody_expects_are_strong() -> None:
    check_strength(PASSWORD)


def test_the_right_password_matches_and_no_other() -> None:
    check = PasswordCheck()
    assert check.matches(PASSWORD, HASH)
    for wrong in ("", PASSWORD.upper(), f"{PASSWORD} ", PASSWORD + "x" * LONGEST, "\udce4"):
        assert not check.matches(wrong, HASH)


def test_a_letter_may_be_composed_in_either_way() -> None:
    composed, apart = "caf\u00e9 with five words", "cafe\u0301 with five words"
    assert PasswordCheck().matches(apart, hashed(composed))


def test_nothing_matches_where_no_password_is_set() -> None:
    assert not PasswordCheck().matches("", None)
    assert not PasswordCheck().matches("no password at all", None)


def test_each_hash_has_a_salt_of_its_own() -> None:
    assert hashed(PASSWORD) != hashed(PASSWORD)


@given(st.text())
def test_only_hashes_of_our_kind_are_taken_for_hashes(text: str) -> None:
    assert not is_hash(text)
    assert not is_hash(f"$argon2i${text}")


def test_who_comes_when_many_wait_is_sent_away() -> None:
    check = PasswordCheck()
    held = threading.Event()
    check.turn.submit(held.wait)
    waiting = [threading.Thread(target=check.matches, args=(PASSWORD, HASH)) for _ in range(5)]
    for thread in waiting:
        thread.start()
    while check.places.acquire(blocking=False):
        check.places.release()
    with pytest.raises(Busy):
        check.matches(PASSWORD, HASH)
    held.set()
    for thread in waiting:
        thread.join()


def test_however_many_come_at_once_one_is_checked_at_a_time_in_the_same_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: set[int] = set()

    def verify(password: str, kept: str) -> bool:
        seen.add(threading.get_ident())
        return _verified(password, kept)

    monkeypatch.setattr("app.access.password._verified", verify)
    check = PasswordCheck(places=threading.Semaphore(8))
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(check.matches, [PASSWORD] * 8, [HASH] * 8))
    assert len(seen) == 1
