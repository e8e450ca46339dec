"""A password is hard to guess, slow to check, and checked by one at a time."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.password import LONGEST, PasswordCheck, check_strength, hashed, is_hash
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
    with check.turn:
        waiting = [threading.Thread(target=check.matches, args=(PASSWORD, HASH)) for _ in range(5)]
        for thread in waiting:
            thread.start()
        while check.places.acquire(blocking=False):
            check.places.release()
        with pytest.raises(Busy):
            check.matches(PASSWORD, HASH)
    for thread in waiting:
        thread.join()
