"""What was kept for long enough goes, with all that belongs to it, whatever happens meanwhile."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.actions import retain as module
from app.actions.retain import retain
from app.backups.catalogue import BackupBlob, BackupName
from app.backups.replacement import replaced_name
from app.errors import ImplausibleLoss, StorageRefused, StorageUnavailable
from app.storage import removals
from app.storage.blobs.store import FolderBlobStore
from app.storage.jobs import claim, enqueue, finish
from app.storage.tables import Analysis, IdempotencyKey, Job, Removal
from tests.support.faults.crashes import Crash, Life, MortalDatabase, MortalStore
from tests.support.stores.databases import NewPlace, Place
from tests.support.stores.doubles import WatchedStore
from tests.support.stores.sites import DAYS, Site

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
OLD = NOW - DAYS * DAY - SECOND
YOUNG = NOW - DAYS * DAY + SECOND


@pytest.fixture
def site(place: Place) -> Iterator[Site]:
    with place.opened() as database:
        yield Site(database, FolderBlobStore(place.folder / "blobs", "local"))


def rows(site: Site, table: type[Analysis | IdempotencyKey | Job | Removal]) -> int:
    with site.database.reading() as tx:
        return tx.scalar(select(func.count()).select_from(table)) or 0


def test_an_old_drawing_goes_with_its_analyses_keys_and_files_and_a_young_one_stays(
    site: Site,
) -> None:
    site.keeps(OLD, "old")
    young = site.keeps(YOUNG, "young")
    removed = site.retains(NOW)
    assert (removed.drawings, removed.blobs, removed.strays) == (1, 2, 0)
    assert site.drawings == {young}
    assert site.stored == site.referred == {f"drawings/{young}", f"saliency_maps/{young}.png"}
    assert rows(site, Analysis) == rows(site, IdempotencyKey) == 1
    assert rows(site, Removal) == 0


def test_the_demo_stays_however_old_it_is(site: Site) -> None:
    shown = site.keeps(OLD, "key")
    site.shows(shown)
    assert site.retains(NOW).drawings == 0
    assert site.drawings == {shown}
    assert site.stored == site.referred


def test_keys_of_requests_go_also_where_the_drawing_stays(site: Site) -> None:
    site.shows(site.keeps(OLD, "key"))
    assert site.retains(NOW).idempotency_keys == 1
    assert rows(site, IdempotencyKey) == 0


def test_a_second_run_finds_nothing_to_do(site: Site) -> None:
    site.keeps(OLD)
    site.retains(NOW)
    assert set(site.retains(NOW).as_json().values()) == {0}


def test_many_are_removed_in_short_transactions(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    monkeypatch.setattr(removals, "BATCH", 2)
    for _ in range(7):
        site.keeps(OLD)
    removed = site.retains(NOW)
    assert (removed.drawings, removed.blobs) == (7, 14)
    assert site.stored == set()


def test_exports_go_after_a_week_and_what_has_no_date_stays(site: Site) -> None:
    keys = [f"exports/{day}/all.csv" for day in ("2026-05-24", "2026-05-25", "2026-02-30", "new")]
    for key in keys:
        site.blobs.put(key, b"a,b", "text/csv")
    assert site.retains(NOW).exports == 1
    assert set(site.blobs.keys("exports")) == set(keys[1:])


def test_finished_jobs_go_after_a_week(site: Site) -> None:
    enqueue(site.database, "tidy", "k", NOW)
    held = claim(site.database, ["tidy"], "a", NOW)
    assert held is not None
    finish(site.database, held, NOW)
    assert site.retains(NOW + 7 * DAY).jobs == 0
    assert site.retains(NOW + 7 * DAY + SECOND).jobs == 1


def test_backups_go_when_their_own_rule_says(site: Site) -> None:
    digest = "0123456789ab"
    fresh = BackupName(NOW - DAY, digest)
    made = [BackupName(NOW - days * DAY, digest) for days in (40, 500, 501)]
    for name in (fresh, *made):
        for blob in (BackupBlob.COPY, BackupBlob.MANIFEST):
            site.blobs.put(name.key(blob), b"", "text/plain")
    assert site.retains(NOW).backups == 4
    kept = {
        name.key(blob)
        for name in (fresh, made[0])
        for blob in (BackupBlob.COPY, BackupBlob.MANIFEST)
    }
    assert set(site.blobs.keys("backups")) == kept


@pytest.mark.parametrize("kind", ["auto"])
def test_replaced_databases_go_as_late_as_drawings_and_nothing_else_does(
    site: Site, place: Place
) -> None:
    file = place.folder / "sketchnorm.sqlite3"
    old, young = (replaced_name(file, moment) for moment in (OLD, YOUNG))
    journal, other = Path(f"{old}-wal"), Path(f"{file}.replaced-by-hand")
    for path in (old, young, journal, other):
        path.touch()
    assert site.retains(NOW).replaced == 2
    files = (old, journal, young, other, file)
    assert [path.exists() for path in files] == [False, False, True, True, True]


@pytest.mark.parametrize("kind", ["auto"])
def test_what_killed_writers_and_restores_left_goes_after_a_day(site: Site, place: Place) -> None:
    picture = place.folder / "blobs" / "drawings" / ".unfinished-abc"
    folder = place.folder / ".restoring-abc"
    folder.mkdir()
    for path in (picture, folder / "sketchnorm.sqlite3"):
        path.write_bytes(b"a child drew this")
    assert site.retains(NOW).unfinished == 0
    for path in (picture, folder):
        os.utime(path, (0, 0))
    assert site.retains(NOW).unfinished == 2
    assert not picture.exists()
    assert not folder.exists()


def test_what_cannot_be_removed_holds_up_nothing_else(site: Site) -> None:
    for _ in range(3):
        site.keeps(OLD)
    site.blobs.put("exports/2020-01-01/a", b"", "text/csv")
    stuck = min(site.stored)
    refusing = Site(site.database, Refusing(site.blobs, stuck=stuck))
    for _ in range(2):
        with pytest.raises(StorageRefused):
            refusing.retains(NOW)
        assert (site.drawings, site.stored) == (set(), {stuck})
        assert site.blobs.keys("exports") == ()
        assert rows(site, Removal) == 1
    assert site.retains(NOW).blobs == 1


def test_more_strays_than_accidents_leave_are_left_until_somebody_says_so(site: Site) -> None:
    """As where an empty database meets the full store of another."""
    for number in range(51):
        site.blobs.put(f"drawings/{number}", b"x", "image/png")
    with pytest.raises(ImplausibleLoss, match="51 of 51 files of drawings have no row"):
        site.retains(NOW)
    assert rows(site, Removal) == 0
    removed = retain(
        database=site.database, blobs=site.blobs, days=DAYS, now=NOW, however_many=True
    )
    assert removed.strays == rows(site, Removal) == 51
    assert site.retains(NOW + 7 * DAY).blobs == 51


@dataclass
class Refusing(WatchedStore):
    """Does not delete one of its blobs."""

    stuck: str = ""

    def delete(self, key: str) -> None:
        if key == self.stuck:
            raise StorageRefused("The store refuses it.")
        super().delete(key)


def test_where_the_store_is_away_rows_go_at_once_and_files_follow(site: Site) -> None:
    site.keeps(OLD)
    away = Unreachable(site.blobs)
    with pytest.raises(StorageUnavailable):
        Site(site.database, away).retains(NOW)
    assert site.drawings == set()
    assert len(site.stored) == rows(site, Removal) == 2
    assert site.retains(NOW).blobs == 2
    assert site.stored == set()


class Unreachable(WatchedStore):
    """Cannot delete."""

    def delete(self, key: str) -> None:
        raise StorageUnavailable("The store cannot be used now.")


def test_a_file_without_a_row_goes_a_week_after_it_was_seen(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.blobs.put("drawings/stray", b"x", "image/png")
    assert site.retains(NOW).strays == 1
    assert "1 blobs have no row" in caplog.text
    assert site.retains(NOW + 7 * DAY - SECOND).blobs == 0
    assert site.retains(NOW + 7 * DAY).blobs == 1
    assert site.stored == set()


def test_a_file_whose_row_came_back_stays(site: Site) -> None:
    """As when a newer backup is restored after an older one."""
    kept = site.keeps(NOW)
    with site.database.writing() as tx:
        removals.note(tx, [f"drawings/{kept}", f"saliency_maps/{kept}.png"], NOW)
    assert site.retains(NOW).blobs == 0
    assert site.stored == site.referred
    assert rows(site, Removal) == 0


def test_killed_at_any_moment_no_row_lacks_its_file_and_the_next_run_does_the_rest(
    new_place: NewPlace,
) -> None:
    for steps in range(40):
        place = new_place()
        with place.opened() as database:
            site = Site(database, FolderBlobStore(place.folder / "blobs", "local"))
            site.keeps(OLD, "old")
            young = site.keeps(YOUNG, "young")
            if not killed_after(steps, site):
                assert steps > 10
                return
            assert site.referred <= site.stored
            site.retains(NOW)
            assert site.drawings == {young}
            assert site.referred == site.stored
    pytest.fail("retention took more steps than were tried")


def killed_after(steps: int, site: Site) -> bool:
    """Whether retention was still at work then."""
    life = Life(steps)
    mortal = MortalDatabase.of(site.database, life)
    try:
        Site(mortal, MortalStore(site.blobs, life)).retains(NOW)
    except Crash:
        return True
    return False
