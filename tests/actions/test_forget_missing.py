"""What was removed since a backup stays removed after it is restored."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.actions.take_inventory import forget_missing, take_inventory
from app.errors import ImplausibleLoss
from app.storage.blobs.store import FolderBlobStore
from tests.support.stores.databases import open_database
from tests.support.stores.sites import Site

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_database(tmp_path) as database:
        yield Site(database, FolderBlobStore(tmp_path / "blobs", "local"))


def forget(site: Site, *, however_many: bool = False) -> int:
    found = take_inventory(database=site.database, blobs=site.blobs, grace=0)
    return forget_missing(found, database=site.database, now=NOW, however_many=however_many)


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


def test_more_than_an_accident_leaves_is_forgotten_only_where_somebody_says_so(site: Site) -> None:
    """As where rows meet the new and empty bucket of a mistyped name."""
    for _ in range(60):
        site.blobs.delete(f"drawings/{site.submits()}")
    with pytest.raises(ImplausibleLoss, match="60 of 120 files that rows refer to are missing"):
        forget(site)
    assert len(site.drawings) == 60
    assert forget(site, however_many=True) == 60
    assert site.drawings == set()
