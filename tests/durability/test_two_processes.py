"""Two processes on one database: their writes take turns, and each is there once."""

from dataclasses import replace
from itertools import pairwise

import pytest
from sqlalchemy import select

from app.storage.sqlite import PATIENCE_OPTION
from app.storage.tables import Drawing
from tests.support.faults.processes import Child
from tests.support.stores.databases import Place, a_row
from tests.support.stores.writers import GO, count_up, hog


def count_by_two(place: Place, times: int) -> None:
    """Each reads a number and writes the next one, ``times`` times."""
    with place.opened() as database, database.writing() as tx:
        tx.add(a_row(id="counter", age_years=0))
    children = [Child.start(count_up, place, name, times) for name in ("one", "other")]
    assert [child.ear.recv_bytes() for child in children] == [b"ready", b"ready"]
    (place.folder / GO).touch()
    assert [child.said() for child in children] == [["done"], ["done"]]
    for child in children:
        child.finish()
    with place.opened() as database, database.reading() as tx:
        rows = {row.id: row.age_years for row in tx.scalars(select(Drawing))}
    assert rows.pop("counter") == 2 * times
    assert rows.keys() == {f"{name}-{n}" for name in ("one", "other") for n in range(times)}
    assert sorted(rows.values()) == [float(n) for n in range(1, 2 * times + 1)]
    check_interleaved([name for name, _ in sorted(rows.items(), key=lambda row: row[1])])


def check_interleaved(names: list[str]) -> None:
    writers = [name.split("-")[0] for name in names]
    turns = sum(before != after for before, after in pairwise(writers))
    assert turns >= 4, "one wrote only after the other, which proves nothing"


def test_two_processes_lose_no_write_and_double_none(place: Place) -> None:
    count_by_two(place, 150)


def test_a_writer_gets_its_turn_beside_one_that_never_pauses(place: Place) -> None:
    with place.opened() as database:
        with database.writing() as tx:
            tx.add(a_row(id="counter", age_years=0))
        neighbour = Child.start(hog, place)
        assert neighbour.ear.recv_bytes() == b"writing"
        engine = database.engine.execution_options(**{PATIENCE_OPTION: 3_000})
        hurried = replace(database, engine=engine)
        try:
            for number in range(8):
                with hurried.writing() as tx:
                    tx.add(a_row(id=str(number), age_years=number))
        finally:
            neighbour.kill()
            neighbour.ear.close()


@pytest.mark.endurance
@pytest.mark.parametrize("kind", ["delete"])
def test_two_processes_lose_none_of_two_thousand_writes_each_with_a_deleted_journal(
    place: Place,
) -> None:
    count_by_two(place, 2000)
