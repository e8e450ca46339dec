"""Counts by country, so that nobody can tell a country of fewer than five visits from them.

They are of one whole week that has passed. So they stay the same until the next one begins, no two
of them cover the same day, and no difference between two answers tells a small count.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.storage.tables import UsageCountry

FEWEST: Final = 5
OTHER: Final = "other"
WEEK = timedelta(weeks=1)
SETTLES = timedelta(days=1)  # what was seen before midnight is written after it


def published_week(today: date) -> tuple[date, date]:
    """The first and the last day of the last whole ISO week that ended the day before, or earlier.

    What was seen late on Sunday may be written on Monday, and is not to be seen to come.
    """
    settled = today - SETTLES
    monday = settled - timedelta(days=settled.weekday())
    return monday - WEEK, monday - timedelta(days=1)


def read_countries(tx: Session, first: date, last: date) -> dict[str, int]:
    """Visits by country from the first day to the last, as they are: not to be shown to anybody."""
    visits = func.sum(UsageCountry.visits)
    found = tx.execute(
        select(UsageCountry.country, visits)
        .where(UsageCountry.day >= first, UsageCountry.day <= last)
        .group_by(UsageCountry.country)
    )
    return {country: int(count) for country, count in found}


def merged(counts: Mapping[str, int]) -> dict[str, int]:
    """Countries below five become ``other``, with the smallest of the rest if that is below five.

    Else who knows the sum of all would know it, too. With fewer than five visits nothing is told.
    The largest come first, ``other`` last.
    """
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [item for item in ranked if item[1] >= FEWEST]
    hidden = sum(counts.values()) - sum(count for _, count in shown)
    while 0 < hidden < FEWEST and shown:
        hidden += shown.pop()[1]
    return dict(shown) | ({OTHER: hidden} if hidden >= FEWEST else {})
