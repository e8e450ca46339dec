"""Nobody can be found in what was counted: not by an address, nor by a salt in a backup."""

import gzip
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from app.access.secrets import kept_key
from app.errors import StorageUnavailable
from app.telemetry import NO_METRICS, Signals
from app.usage.requests import RequestCounter, SeenRequest
from app.usage.visits import Salts
from tests.support.people.operators import Operator
from tests.support.stores.databases import contents, open_database
from tests.usage.conftest import NOON

TODAY, TOMORROW = NOON.date(), NOON.date() + timedelta(days=1)
ADDRESS = "203.0.113.77"


@pytest.fixture
def salts(tmp_path: Path) -> Salts:
    return Salts(tmp_path, kept_key)


def test_a_visitor_is_the_same_all_day_in_every_process(salts: Salts, tmp_path: Path) -> None:
    other = Salts(tmp_path, kept_key)
    assert salts.digest(TODAY, "a") == other.digest(TODAY, "a") != salts.digest(TODAY, "b")


def test_nobody_is_the_same_on_two_days(salts: Salts) -> None:
    assert salts.digest(TODAY, "a") != salts.digest(TOMORROW, "a")


def test_the_salt_is_for_its_owner_alone_and_destroyed_with_the_day(
    salts: Salts, tmp_path: Path
) -> None:
    salts.digest(TODAY, "a")
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    salts.destroy_others(TODAY)
    assert file.exists()
    salts.destroy_others(TOMORROW)
    assert list(tmp_path.iterdir()) == []


def test_the_salt_of_a_process_whose_clock_is_ahead_is_left_to_it(tmp_path: Path) -> None:
    ahead, behind = Salts(tmp_path, kept_key), Salts(tmp_path, kept_key)
    digest = ahead.digest(TOMORROW, "a")
    behind.digest(TODAY, "a")
    assert behind.digest(TOMORROW, "a") == digest
    assert Salts(tmp_path, kept_key).digest(TOMORROW, "a") == digest


def test_what_a_killed_process_left_of_a_salt_is_destroyed_too(
    salts: Salts, tmp_path: Path
) -> None:
    (tmp_path / f"visits-{TODAY}.salt.123.new").write_bytes(os.urandom(32))
    salts.destroy_others(TOMORROW)
    assert list(tmp_path.iterdir()) == []


def test_a_salt_that_cannot_be_kept_is_said_without_a_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable) as raised:
        Salts(tmp_path / "file" / "folder", kept_key).digest(TODAY, "a")
    assert str(tmp_path) not in raised.value.advice


def test_no_backup_of_a_day_has_its_salt_or_an_address(tmp_path: Path) -> None:
    """Packed and unpacked, with everything that lies beside them in the store."""
    operator = Operator.with_a_site(tmp_path / "site")
    with open_database(operator.folder) as database:
        salts = Salts(operator.folder, kept_key)
        counter = RequestCounter(database, salts, Signals(NO_METRICS), clock=lambda: NOON)
        for hour in range(4):
            visitor = f"{ADDRESS} Firefox {hour}"
            counter.note(SeenRequest(0.1, visitor=visitor, country="DE"))
            counter.flush()
            operator.backs_up(anew=True)
    (file,) = operator.folder.glob("visits-*")
    salt = file.read_bytes()
    stored = [content for content in contents(operator.folder / "blobs").values() if content]
    databases = [gzip.decompress(one) for one in stored if one.startswith(b"\x1f\x8b")]
    assert len(databases) == 4
    assert all(b"usage_visits" in one for one in databases)
    for secret in (salt, salt.hex().encode(), ADDRESS.encode(), b"Firefox"):
        assert not any(secret in content for content in (*stored, *databases))
