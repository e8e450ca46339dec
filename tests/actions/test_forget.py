"""A drawing that its visitor deletes is gone at once and for good, whatever happens meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.backups.catalogue import BackupBlob, BackupName
from app.errors import NotFound, NotPermitted, ReadOnly, StorageBusy, StorageUnavailable
from app.storage import markers
from app.storage.blobs.store import FolderBlobStore
from app.storage.tables import Analysis, IdempotencyKey, Removal
from tests.support.faults.crashes import Crash, Life, MortalDatabase, MortalStore
from tests.support.faults.disks import impatient, locked
from tests.support.stores.databases import NewPlace, Place
from tests.support.stores.doubles import DistantStore, WatchedStore
from tests.support.stores.sites import DAYS, Site

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def site(place: Place) -> Iterator[Site]:
    with place.opened() as database:
        yield Site(database, FolderBlobStore(place.folder / "blobs", "local"))


def rows(site: Site, table: type[Analysis | IdempotencyKey | Removal]) -> int:
    with site.database.reading() as tx:
        return tx.scalar(select(func.count()).select_from(table)) or 0


def test_it_goes_with_its_analyses_keys_and_files_and_nothing_else_does(site: Site) -> None:
    gone, kept = site.submits("one"), site.submits("other")
    site.forgets(gone, NOW)
    assert site.drawings == {kept}
    assert site.stored == site.referred == {f"drawings/{kept}", f"saliency_maps/{kept}.png"}
    assert rows(site, Analysis) == rows(site, IdempotencyKey) == 1
    assert rows(site, Removal) == 0
    assert (site.has_marked(gone), site.has_marked(kept)) == (True, False)


def test_what_is_not_there_is_said_not_to_be_there_and_leaves_no_marker(site: Site) -> None:
    with pytest.raises(NotFound, match="no drawing at this link"):
        site.forgets("never-kept", NOW)
    assert site.blobs.keys("backups") == ()


def test_a_drawing_is_deleted_once(site: Site) -> None:
    drawing_id = site.submits()
    site.forgets(drawing_id, NOW)
    with pytest.raises(NotFound):
        site.forgets(drawing_id, NOW)


def test_an_example_of_the_first_page_stays(site: Site) -> None:
    shown = site.submits()
    site.shows(shown)
    with pytest.raises(NotPermitted, match="one of the examples"):
        site.forgets(shown, NOW)
    assert (site.drawings, site.has_marked(shown)) == ({shown}, False)


def test_in_a_copy_that_nobody_changes_nothing_is_deleted(site: Site) -> None:
    drawing_id = site.submits()
    with pytest.raises(ReadOnly, match="a copy that nobody changes"):
        Site(replace(site.database, read_only=True), site.blobs).forgets(drawing_id, NOW)
    assert (site.drawings, site.has_marked(drawing_id)) == ({drawing_id}, False)


def test_a_request_that_is_repeated_after_the_deletion_is_answered_anew(site: Site) -> None:
    first = site.submits("key")
    site.forgets(first, NOW)
    second = site.submits("key")
    assert second != first
    assert site.drawings == {second}


def test_many_who_delete_the_same_drawing_at_once_all_find_it_gone(site: Site) -> None:
    drawing_id = site.submits()

    def forget(_: int) -> bool:
        try:
            site.forgets(drawing_id, NOW)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert any(threads.map(forget, range(4)))
    assert (site.drawings, site.stored) == (set(), set())


def test_while_the_database_is_locked_it_stays_and_is_deleted_later(site: Site) -> None:
    drawing_id = site.submits()
    hurried = Site(impatient(site.database), site.blobs)
    with locked(site.database), pytest.raises(StorageBusy, match="could not be deleted just now"):
        hurried.forgets(drawing_id, NOW)
    assert site.drawings == {drawing_id}
    assert site.retains(NOW).forgotten == 1
    assert (site.drawings, site.stored) == (set(), set())


def test_without_a_marker_nothing_is_deleted(site: Site) -> None:
    drawing_id = site.submits()
    with pytest.raises(StorageUnavailable, match="could not be deleted just now"):
        Site(site.database, DistantStore(away=True)).forgets(drawing_id, NOW)
    assert site.drawings == {drawing_id}
    assert site.referred == site.stored


class Undeleting(WatchedStore):
    """Keeps what it is asked to delete."""

    def delete(self, key: str) -> None:
        raise StorageUnavailable("The store cannot be used now.")


def test_files_that_cannot_be_deleted_now_are_deleted_by_retention(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    drawing_id = site.submits()
    Site(site.database, Undeleting(site.blobs)).forgets(drawing_id, NOW)
    assert site.drawings == set()
    assert len(site.stored) == rows(site, Removal) == 2
    assert "left to retention" in caplog.text
    assert drawing_id not in caplog.text
    assert site.retains(NOW).blobs == 2
    assert site.stored == set()


def test_killed_at_any_moment_nothing_is_done_or_the_next_run_completes_it(
    new_place: NewPlace,
) -> None:
    for steps in range(40):
        place = new_place()
        with place.opened() as database:
            site = Site(database, FolderBlobStore(place.folder / "blobs", "local"))
            wanted, other = site.submits("one"), site.submits("other")
            if not killed_after(steps, site, wanted):
                assert steps > 10
                return
            asked = site.has_marked(wanted)
            assert asked or wanted in site.drawings
            assert site.referred <= site.stored
            site.retains(NOW)
            assert site.drawings == ({other} if asked else {wanted, other})
            assert site.referred == site.stored
    pytest.fail("it took more steps than were tried")


def killed_after(steps: int, site: Site, drawing_id: str) -> bool:
    """Whether the deletion was still under way then."""
    life = Life(steps)
    mortal = MortalDatabase.of(site.database, life)
    try:
        Site(mortal, MortalStore(site.blobs, life)).forgets(drawing_id, NOW)
    except Crash:
        return True
    return False


def test_a_deletion_that_is_completed_late_is_marked_anew(site: Site) -> None:
    """A marker is removed by its age: it must not be older than the end of the rows."""
    drawing_id = site.submits()
    markers.mark(site.blobs, drawing_id, NOW)
    assert site.retains(NOW + 20 * DAY).forgotten == 1
    days = [key.split("/")[2] for key in site.blobs.keys("backups")]
    assert days == ["2026-06-01", "2026-06-21"]


def test_what_retention_removes_is_not_marked(site: Site) -> None:
    old = site.keeps(NOW - (DAYS + 1) * DAY)
    assert site.retains(NOW).drawings == 1
    assert not site.has_marked(old)


def test_markers_go_with_the_last_backup_that_may_hold_their_drawings(site: Site) -> None:
    drawing_id = site.submits()
    site.forgets(drawing_id, NOW)
    site.retains(NOW + 1000 * DAY)
    assert site.has_marked(drawing_id)
    oldest = BackupName(NOW + 37 * DAY, "0123456789ab")
    site.blobs.put(oldest.key(BackupBlob.MANIFEST), b"", "application/json")
    site.blobs.put(oldest.key(BackupBlob.COPY), b"", "application/gzip")
    site.retains(NOW + 40 * DAY)
    assert not site.has_marked(drawing_id)


def test_a_marker_stays_while_the_deletion_cannot_be_completed(site: Site) -> None:
    drawing_id = site.submits()
    markers.mark(site.blobs, drawing_id, NOW)
    late = BackupName(NOW + 37 * DAY, "0123456789ab")
    site.blobs.put(late.key(BackupBlob.COPY), b"", "application/gzip")
    hurried = Site(impatient(site.database), site.blobs)
    with locked(site.database), pytest.raises(StorageUnavailable):
        hurried.retains(NOW + 37 * DAY)
    assert site.has_marked(drawing_id)
