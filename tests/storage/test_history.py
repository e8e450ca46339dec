"""The list of drawings: its order, its pages and its filters, and how it is looked up."""

import base64
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from app.errors import InvalidRequest
from app.storage.database import Database
from app.storage.history import Filter, Flag, Place, list_handed_in, statement
from app.storage.tables import Analysis, DemoSample, Drawing
from tests.support.stores.databases import a_row, open_database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path) as database:
        yield database


def an_answer(flagged: bool | None = False) -> Analysis:
    return Analysis(bundle_version="1", bundle_sha256="a" * 64, result={"flagged": flagged})


def keep(database: Database, id: str, flagged: bool | None = False, **columns: object) -> None:
    """A drawing that was handed in at noon, if nothing else is said."""
    row: Drawing = a_row(id=id, **{"created_at": NOON, **columns})
    row.analyses = [an_answer(flagged)]
    with database.writing() as tx:
        tx.add(row)


def ids(database: Database, wanted: Filter = Filter()) -> list[str]:  # noqa: B008 - it is frozen
    return [drawing.id for drawing in list_handed_in(database, wanted).drawings]


def pages(database: Database, size: int) -> Iterator[list[str]]:
    place = None
    while True:
        page = list_handed_in(database, Filter(), place, size)
        yield [drawing.id for drawing in page.drawings]
        if page.next is None:
            return
        place = Place.of(page.next.cursor)


def test_the_newest_comes_first_and_of_the_same_moment_always_the_same(database: Database) -> None:
    keep(database, "a", created_at=NOON - MINUTE)
    for name in ("c", "b", "d"):
        keep(database, name)
    assert ids(database) == ["d", "c", "b", "a"]


@pytest.mark.parametrize("goes", [False, True], ids=["others arrive", "the last one seen goes"])
def test_each_drawing_is_on_one_page_whatever_happens_meanwhile(
    database: Database, goes: bool
) -> None:
    names = [f"{number:02}" for number in range(10)]
    for number, name in enumerate(names):
        keep(database, name, created_at=NOON + (number // 3) * MINUTE)
    seen = []
    for number, page in enumerate(pages(database, size=3)):
        seen += page
        keep(database, f"new-{number}", created_at=NOON + timedelta(days=number + 1))
        if goes:
            with database.writing() as tx:
                tx.delete(tx.get_one(Drawing, page[-1]))
    assert seen == names[::-1]


def test_a_page_that_is_just_full_is_the_last_one(database: Database) -> None:
    for name in ("a", "b"):
        keep(database, name)
    assert list(pages(database, size=2)) == [["b", "a"]]


def test_an_age_is_a_completed_year(database: Database) -> None:
    for name, age in {"a": 5.99, "b": 6.0, "c": 6.99, "d": 7.0}.items():
        keep(database, name, age_years=age)
    assert ids(database, Filter(age=6)) == ["c", "b"]


def test_a_category_is_that_alone(database: Database) -> None:
    for name, category in {"a": "house", "b": "houseboat", "c": None}.items():
        keep(database, name, category=category)
    assert ids(database, Filter(category="house")) == ["a"]


@pytest.mark.parametrize(("flagged", "found"), [("yes", "y"), ("no", "n"), ("none", "u")])
def test_flagged_not_flagged_and_not_compared_are_three_things(
    database: Database, flagged: Flag, found: str
) -> None:
    keep(database, "y", True)
    keep(database, "n", False)
    keep(database, "u", None)
    assert ids(database, Filter(flagged=flagged)) == [found]


def test_both_days_are_whole_days_of_utc(database: Database) -> None:
    day = datetime(2026, 11, 20, tzinfo=UTC)
    for name, at in {
        "before": day - timedelta(microseconds=1),
        "first": day,
        "last": day + timedelta(days=1, microseconds=-1),
        "after": day + timedelta(days=1),
    }.items():
        keep(database, name, created_at=at)
    only = Filter(first=day.date(), last=day.date())
    assert ids(database, only) == ["last", "first"]


@pytest.mark.parametrize("day", [date.min, date.max])
def test_a_day_at_the_end_of_the_calendar_is_a_day(database: Database, day: date) -> None:
    assert ids(database, Filter(first=day, last=day)) == []


def test_filters_hold_together(database: Database) -> None:
    keep(database, "a", True, category="house")
    keep(database, "b", False, category="house")
    keep(database, "c", True, category="cat")
    assert ids(database, Filter(6, "house", "yes", NOON.date(), NOON.date())) == ["a"]


def test_the_newest_answer_of_a_drawing_counts(database: Database) -> None:
    keep(database, "a", True)
    with database.writing() as tx:
        drawing = tx.get_one(Drawing, "a")
        drawing.analyses.append(an_answer(False))
    assert ids(database, Filter(flagged="yes")) == []
    assert ids(database, Filter(flagged="no")) == ["a"]


def test_the_examples_are_not_among_them(database: Database) -> None:
    keep(database, "a")
    with database.writing() as tx:
        sample = {"slug": "a", "title": "A", "description": "", "position": 1}
        tx.add(DemoSample(**sample, drawing_id="a"))
    assert ids(database) == []


@pytest.mark.parametrize("after", [None, Place(NOON, "m")], ids=["newest", "a later page"])
@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(age=6),
        Filter(category="cat"),
        Filter(flagged="none"),
        Filter(first=NOON.date(), last=NOON.date()),
    ],
    ids=["all", "age", "category", "flagged", "day"],
)
def test_a_page_is_read_off_an_index_and_not_sorted(
    database: Database, wanted: Filter, after: Place | None
) -> None:
    asked = statement(wanted, after, 51).compile(
        dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
    )
    with database.reading() as tx:
        plan = [row.detail for row in tx.execute(text(f"EXPLAIN QUERY PLAN {asked}"))]
    assert "drawings USING INDEX ix_drawings_created_at" in plan[0]
    # Of those handed in at the same microsecond.
    sorts = {step for step in plan if "TEMP B-TREE" in step}
    assert sorts == {"USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"} or sorts == {
        "USE TEMP B-TREE FOR LAST TERM OF ORDER BY"
    }
    assert not [step for step in plan if step.startswith("SCAN") and "INDEX" not in step]


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    st.from_regex("[A-Za-z0-9_-]{1,64}", fullmatch=True),
)
def test_a_place_survives_its_cursor(created_at: datetime, id: str) -> None:
    place = Place(created_at, id)
    assert Place.of(place.cursor) == place


def packed(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!",
        "é",
        "\x00",
        packed("1.a") + "=",
        packed("01.a"),
        packed("-1.a"),
        packed("99999999999999999.a"),
        packed("1.a' OR 1=1"),
        packed("1."),
        packed("1"),
        packed("１.a"),
        "A" * 100_000,
    ],
)
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="begin with the newest"):
        Place.of(cursor)


@given(st.text())
def test_no_text_is_taken_for_a_place_but_its_own(cursor: str) -> None:
    with suppress(InvalidRequest):
        assert Place.of(cursor).cursor == cursor
