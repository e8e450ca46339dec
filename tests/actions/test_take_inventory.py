"""Blobs and rows that do not refer to each other, and how rows whose blobs are gone go."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.actions.take_inventory import Inventory, forget_missing, take_inventory
from app.errors import ImplausibleLoss
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.tables import Analysis, Drawing
from tests.support.people.operators import Operator
from tests.support.stores.databases import a_row, open_database
from tests.support.stores.sites import Site

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def keep(database: Database, key: str) -> None:
    analysis = Analysis(
        bundle_version="1", bundle_sha256="0", result={}, map_key=f"saliency_maps/{key}.png"
    )
    with database.writing() as tx:
        tx.add(a_row(id=key, picture_key=f"drawings/{key}", analyses=[analysis]))


def store(operator: Operator, key: str) -> None:
    for blob in (f"drawings/{key}", f"saliency_maps/{key}.png"):
        operator.blobs.put(blob, b"x", "image/png")


def compare(
    operator: Operator, database: Database, meanwhile: Callable[[], object] = lambda: None
) -> Inventory:
    return take_inventory(database=database, blobs=operator.blobs, wait=lambda seconds: meanwhile())


def test_what_belongs_together_is_complete_and_not_looked_at_twice(operator: Operator) -> None:
    with open_database(operator.folder) as database:
        keep(database, "a")
        store(operator, "a")
        operator.backs_up()
        found = compare(operator, database, lambda: pytest.fail("waited"))
    assert found == Inventory(referred=2, unreferred=(), missing=())
    assert found.complete


def test_orphans_are_listed_both_ways(operator: Operator) -> None:
    with open_database(operator.folder) as database:
        keep(database, "row")
        store(operator, "blob")
        found = compare(operator, database)
    assert found.missing == ("drawings/row", "saliency_maps/row.png")
    assert found.unreferred == ("drawings/blob", "saliency_maps/blob.png")
    assert not found.complete


def test_an_upload_under_way_is_no_orphan(operator: Operator) -> None:
    with open_database(operator.folder) as database:
        store(operator, "a")
        found = compare(operator, database, lambda: keep(database, "a"))
    assert found.complete


def test_a_deletion_under_way_is_no_orphan(operator: Operator) -> None:
    with open_database(operator.folder) as database:
        keep(database, "a")

        def finish() -> None:
            with database.writing() as tx:
                tx.delete(tx.get_one(Drawing, "a"))

        assert compare(operator, database, finish) == Inventory(0, (), ())


def test_what_began_meanwhile_is_not_listed(operator: Operator) -> None:
    with open_database(operator.folder) as database:
        store(operator, "old")
        found = compare(operator, database, lambda: store(operator, "new"))
    assert found.unreferred == ("drawings/old", "saliency_maps/old.png")


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
