"""Blobs and rows that do not refer to each other."""

from collections.abc import Callable

import pytest

from app.actions.take_inventory import Inventory, take_inventory
from app.storage.database import Database
from app.storage.tables import Analysis, Drawing
from tests.support.people.operators import Operator
from tests.support.stores.databases import a_drawing, open_database


def keep(database: Database, key: str) -> None:
    analysis = Analysis(
        bundle_version="1", bundle_sha256="0", result={}, map_key=f"saliency_maps/{key}.png"
    )
    with database.writing() as tx:
        tx.add(a_drawing(id=key, picture_key=f"drawings/{key}", analyses=[analysis]))


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
