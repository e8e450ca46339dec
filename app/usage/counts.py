"""Adding to what is counted, within somebody's transaction; ``storage.tables`` says what is what.

Days, weeks and months are those of UTC, whatever the clock on the wall says.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import (
    CursorResult,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.storage.database import Database
from app.storage.tables import Base, UsageCountry, UsageDay, UsageHour, UsageVisit

UNKNOWN_COUNTRY: Final = "ZZ"
KEY, MORE = "of_", "more_"  # how parameters begin, so that none is called as a column
AT_ONCE: Final = 500  # rows that one statement asks for; PostgreSQL and SQLite take more
MOST_VISITS_A_DAY: Final = 20_000  # 4 MB of digests
# A batch of visits that was held up finds those of others still there.
VISITS_LAST = timedelta(days=7)
HOURS_LAST = timedelta(days=35)

Key = Mapping[str, object]


def day_of(at: datetime) -> date:
    """The day of UTC."""
    return at.astimezone(UTC).date()


def hour_of(at: datetime) -> datetime:
    """The beginning of its hour."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def add(tx: Session, table: type[Base], key: Key, **more: int) -> None:
    """Add to the figures of one row, which is made if there is none."""
    of_class = cast(Table, table.__table__)
    if _added(tx, of_class, key, more):
        return
    tx.flush()  # what others have added fails here, and not as if it were ours
    try:
        with tx.begin_nested():
            tx.execute(insert(of_class).values(**key, **more))
    except IntegrityError:  # another writer made it meanwhile, on a database that lets two write
        _added(tx, of_class, key, more)


def _added(tx: Session, table: Table, key: Key, more: Mapping[str, int]) -> bool:
    statement = _addition(table, tuple(key), tuple(more))
    values = {f"{KEY}{name}": value for name, value in key.items()}
    done = tx.connection().execute(
        statement, values | {f"{MORE}{name}": n for name, n in more.items()}
    )
    return cast(CursorResult[Any], done).rowcount > 0


@cache
def _addition(table: Table, key: tuple[str, ...], more: tuple[str, ...]) -> Update:
    """Made once: to make and to compare such a statement takes longer than to run it."""
    of_key = and_(*(table.c[name] == bindparam(f"{KEY}{name}") for name in key))
    sums: dict[str, Any] = {name: table.c[name] + bindparam(f"{MORE}{name}") for name in more}
    return update(table).where(of_key).values(sums)


def add_visits(
    tx: Session, day: date, countries: Mapping[str, str], *, published: date = date.min
) -> int:
    """Count those that nobody has counted yet; ``countries`` has one for each digest.

    Counts by country of days up to ``published`` stay as they were published. Return for how many
    there was no room: whoever makes up browsers is not to fill the disk, nor every backup.
    """
    unknown = sorted(countries.keys() - _known(tx, day, countries))
    room = max(0, MOST_VISITS_A_DAY - _visits_of(tx, day))
    new = unknown[:room]
    if new:
        tx.execute(insert(UsageVisit), [{"day": day, "digest": digest} for digest in new])
        add(tx, UsageDay, {"day": day}, visits=len(new))
    came_from = [countries[digest] for digest in new if day > published]
    for country in sorted(set(came_from)):
        key = {"day": day, "country": country}
        add(tx, UsageCountry, key, visits=came_from.count(country))
    return len(unknown) - len(new)


def _visits_of(tx: Session, day: date) -> int:
    return tx.scalar(select(UsageDay.visits).where(UsageDay.day == day)) or 0


def _known(tx: Session, day: date, digests: Iterable[str]) -> set[str]:
    wanted, known = sorted(digests), set[str]()
    for start in range(0, len(wanted), AT_ONCE):
        part = UsageVisit.digest.in_(wanted[start : start + AT_ONCE])
        known |= set(tx.scalars(select(UsageVisit.digest).where(UsageVisit.day == day, part)))
    return known


def forget_passed(database: Database, now: datetime) -> int:
    """Delete what only lately passed days need; the number of rows deleted.

    Also what a clock that was wrong has left in the future.
    """
    today, hour = day_of(now), hour_of(now)
    old_visits = or_(UsageVisit.day <= today - VISITS_LAST, UsageVisit.day > today + VISITS_LAST)
    old_hours = or_(UsageHour.hour < hour - HOURS_LAST, UsageHour.hour > hour + HOURS_LAST)
    with database.reading() as tx:  # mostly there is nothing: reading leaves the writers alone
        some = select(UsageVisit.day).where(old_visits).limit(1)
        others = select(UsageHour.hour).where(old_hours).limit(1)
        if tx.scalar(some) is None and tx.scalar(others) is None:
            return 0
    with database.writing() as tx:
        visits = tx.execute(delete(UsageVisit).where(old_visits))
        hours = tx.execute(delete(UsageHour).where(old_hours))
        return sum(cast(CursorResult[Any], done).rowcount for done in (visits, hours))
