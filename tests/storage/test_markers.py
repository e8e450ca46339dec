"""Which markers of deleted drawings are read, and how long each is kept."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backups.catalogue import expired, oldest, parse
from app.storage.blobs.store import FolderBlobStore, check_key
from app.storage.markers import SPARE, mark, read_markers, useless

NOW = datetime(2026, 11, 26, 23, 59, tzinfo=UTC)
DIGEST = "0" * 64
DAYS = st.lists(st.dates(date(2020, 1, 1), date(2027, 1, 1)), max_size=20)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


def key(day: object) -> str:
    return f"backups/forgotten/{day}/{DIGEST}"


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobStore:
    return FolderBlobStore(tmp_path, "local")


def test_a_marker_does_not_tell_the_link_of_its_drawing(blobs: FolderBlobStore) -> None:
    mark(blobs, "the-secret-link", NOW)
    (marker,) = blobs.keys("backups")
    assert marker.startswith("backups/forgotten/2026-11-26/")
    assert "the-secret-link" not in marker
    assert b"the-secret-link" not in blobs.get(marker)


def test_marking_twice_is_as_marking_once(blobs: FolderBlobStore) -> None:
    mark(blobs, "a", NOW)
    mark(blobs, "a", NOW)
    assert len(blobs.keys("backups")) == len(read_markers(blobs)) == 1
    mark(blobs, "a", NOW + timedelta(days=1))
    assert len(read_markers(blobs)) == 1


def test_a_marker_is_neither_a_backup_nor_expired_as_one() -> None:
    assert check_key(key("2020-01-01"))
    assert parse(key("2020-01-01")) is None
    assert oldest([key("2020-01-01")]) is None
    assert expired([key("2020-01-01")], NOW) == ()


def test_what_is_no_marker_is_neither_read_nor_removed(blobs: FolderBlobStore) -> None:
    others = ["backups/forgotten/README", "backups/2026/01/02/a.json", f"backups/{DIGEST}"]
    for other in others:
        blobs.put(other, b"", "text/plain")
    assert read_markers(blobs) == frozenset()
    assert useless([*others, key("2020-02-31")], NOW) == ()


def test_without_a_backup_every_marker_stays() -> None:
    assert useless([key("2020-01-01")], None) == ()


def test_a_marker_is_useless_35_days_before_the_oldest_backup() -> None:
    last_day = (NOW - SPARE).date()
    earlier = last_day - timedelta(days=1)
    assert useless([key(earlier), key(last_day)], NOW) == (key(earlier),)


@given(DAYS, MOMENTS)
def test_no_marker_goes_that_a_backup_may_need(days: list[date], oldest_backup: datetime) -> None:
    keys = [key(day) for day in days]
    gone = useless(keys, oldest_backup)
    needed = [key(day) for day in days if day >= (oldest_backup - timedelta(days=35)).date()]
    assert not set(gone) & set(needed)
    assert set(gone) | set(needed) == set(keys)
