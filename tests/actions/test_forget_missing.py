"""What was removed since a backup stays removed after it is restored."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.actions.forget_missing import forget_missing
from app.actions.take_inventory import take_inventory
from app.storage.folder import FolderBlobStore
from tests.support.sites import Site
from tests.support.storage import open_database

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_database(tmp_path) as database:
        yield Site(database, FolderBlobStore(tmp_path / "blobs", "local"))


def forget(site: Site) -> int:
    missing = take_inventory(database=site.database, blobs=site.blobs, grace=0).missing
    return forget_missing(missing, database=site.database, now=NOW)


def test_drawings_whose_files_are_missing_go_and_the_others_stay(site: Site) -> None:
    kept, no_picture, no_map, neither = (site.submits() for _ in range(4))
    for key in (f"drawings/{no_picture}", f"drawings/{neither}"):
        site.blobs.delete(key)
    for key in (f"saliency_maps/{no_map}.png", f"saliency_maps/{neither}.png"):
        site.blobs.delete(key)
    assert forget(site) == 3
    assert site.drawings == {kept}
    site.retains(NOW)
    assert site.stored == site.referred


def test_a_sample_of_the_demonstration_goes_with_its_drawing(site: Site) -> None:
    shown = site.submits()
    site.shows(shown)
    site.blobs.delete(f"drawings/{shown}")
    assert forget(site) == 1
    assert site.drawings == set()


def test_where_nothing_is_missing_nothing_goes(site: Site) -> None:
    kept = site.submits()
    assert forget(site) == 0
    assert site.drawings == {kept}


def test_more_than_a_batch_is_forgotten(site: Site) -> None:
    for _ in range(60):
        site.blobs.delete(f"drawings/{site.submits()}")
    assert forget(site) == 60
    assert site.drawings == set()
