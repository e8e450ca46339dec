"""No published count lets anybody tell a country of fewer than five visits."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.storage.database import Database
from app.usage.countries import FEWEST, OTHER, merged, published_week
from app.usage.counts import add_visits
from app.usage.metrics import read_metrics
from tests.support.stores.databases import open_database

COUNTRIES = ("DE", "FR", "GB", "US", "ZZ")
MOST = 7
Counts = Mapping[str, int]
Published = frozenset[tuple[str, int]]


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        pytest.param({"DE": 9, "FR": 5}, {"DE": 9, "FR": 5}, id="all are many"),
        pytest.param({"DE": 9, "FR": 4, "US": 2}, {"DE": 9, OTHER: 6}, id="few merge"),
        pytest.param({"DE": 9, "FR": 6, "US": 2}, {"DE": 9, OTHER: 8}, id="the rest is too few"),
        pytest.param({"DE": 9, "US": 2}, {OTHER: 11}, id="only one is many"),
        pytest.param({"DE": 3, "US": 1}, {}, id="too few in all"),
        pytest.param({}, {}, id="nobody"),
    ],
)
def test_countries_of_fewer_than_five_visits_merge(counts: Counts, shown: dict[str, int]) -> None:
    assert merged(counts) == shown


@cache
def everything_that_can_be() -> dict[Published, list[tuple[int, ...]]]:
    """What can be behind each answer, with the number of all visits, which is no secret."""
    behind: dict[Published, list[tuple[int, ...]]] = defaultdict(list)
    for counts in product(range(MOST + 1), repeat=len(COUNTRIES)):
        seen = {name: count for name, count in zip(COUNTRIES, counts, strict=True) if count}
        behind[frozenset((*merged(seen).items(), ("all", sum(counts))))].append(counts)
    return behind


def test_whoever_knows_the_number_of_visits_can_solve_for_no_small_country() -> None:
    """Of everything that can be, as long as there is a country on earth that nobody came from."""
    for shown, solutions in everything_that_can_be().items():
        for place in range(len(COUNTRIES)):
            small = {one[place] for one in solutions if 0 in one and 0 < one[place] < FEWEST}
            possible = {one[place] for one in solutions}
            assert not small or len(possible) > 1, shown


counted = st.dictionaries(st.sampled_from(COUNTRIES), st.integers(1, MOST), max_size=4)
MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
SUNDAY, TOLD = MONDAY.date() - timedelta(days=1), MONDAY.date() - timedelta(days=14)
visits = st.lists(
    st.tuples(
        st.integers(0, 23), st.sampled_from(COUNTRIES), st.sampled_from([SUNDAY, MONDAY.date()])
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=30)  # each asks 24 times
@given(before=counted, came=visits)
def test_no_two_answers_of_a_day_tell_more_than_one(
    before: Counts, came: list[tuple[int, str, date]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whoever comes on a Monday, or is written late: nothing can be solved from a difference."""
    with open_database(tmp_path_factory.mktemp("usage")) as database:
        visit(database, TOLD, [c for c, count in before.items() for _ in range(count)])
        answers = []
        for hour in range(24):
            for day in (SUNDAY, MONDAY.date()):
                visit(database, day, [c for when, c, seen in came if (when, seen) == (hour, day)])
            answers.append(shares(database, MONDAY.replace(hour=hour)))
    assert answers == [merged(before)] * len(answers)


def visit(database: Database, day: date, countries: list[str]) -> None:
    with database.writing() as tx:
        for place, country in enumerate(countries):
            add_visits(tx, day, {f"{day}-{country}-{place}-{id(countries)}": country})


def shares(database: Database, at: datetime) -> Counts:
    return read_metrics(database, at).metrics.geographic_distribution


def test_the_week_that_is_told_is_over_and_shares_no_day_with_another() -> None:
    days = [date(2026, 12, 20) + timedelta(days=n) for n in range(30)]
    weeks = sorted({published_week(day) for day in days})
    for first, last in weeks:
        assert last - first == timedelta(days=6)
        assert first.isocalendar().weekday == 1
    for (_, last), (first, _) in pairwise(weeks):
        assert first == last + timedelta(days=1)
    assert all(published_week(day)[1] < day for day in days)
