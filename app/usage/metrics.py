"""The metrics of the site and their history, from what was counted for each day."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, Self, get_args

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.storage.database import Database
from app.storage.tables import UsageDay, UsageHour
from app.usage.countries import merged, published_week, read_countries
from app.usage.counts import day_of, hour_of
from app.usage.uptime import Uptime, read_uptime

By = Literal["day", "week", "month"]
PERIODS: Final[tuple[By, ...]] = get_args(By)
MOST_PERIODS: Final[dict[By, int]] = {"day": 90, "week": 53, "month": 36}
PROCESSING_DAYS = timedelta(days=30)
ERROR_HOURS = timedelta(hours=23)  # before the present one
# Who is counted; the demo door keeps nothing, and tells CloudWatch alone.
DOORS: Final = ("site",)
MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True)
class UsageMetrics:
    """The figures that the dashboard shows; ``None`` where nothing was measured.

    Days, ISO weeks and months are those of UTC, and the present ones. ``average_processing_time``
    is in seconds, over 30 days. ``unique_sessions`` are the visits of today. ``error_rate`` is the
    share, from 0 to 1, of requests of 24 hours that were answered 5xx or whose analysis failed;
    refusals are none. ``uptime_percentage`` is of the time of 30 days that is known.
    ``geographic_distribution`` has the visits of the last whole week, by country.
    """

    total_analyses: int
    daily_analyses: int
    weekly_analyses: int
    monthly_analyses: int
    average_processing_time: float | None
    unique_sessions: int
    error_rate: float | None
    uptime_percentage: float | None
    geographic_distribution: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """By the same names."""
        return asdict(self)


@dataclass(frozen=True)
class ReportedMetrics:
    """The metrics, and what has to be known to read them.

    ``countries_of`` are the first and the last day of the week that the countries are of.
    """

    metrics: UsageMetrics
    at: datetime
    uptime: Uptime
    countries_of: tuple[date, date]
    doors: tuple[str, ...] = DOORS

    def as_json(self) -> dict[str, Any]:
        """The metrics by their names, and the rest under ``about``."""
        uptime = self.uptime
        slots = uptime.up + uptime.down + uptime.unknown
        return self.metrics.as_json() | {
            "about": {
                "at": self.at.isoformat(),
                "doors": list(self.doors),
                "uptime_unknown_percentage": 100 * uptime.unknown / slots,
                "countries_of": [day.isoformat() for day in self.countries_of],
            }
        }


def read_metrics(database: Database, now: datetime) -> ReportedMetrics:
    """What was counted up to now; what other processes saw in the last seconds may be missing."""
    today = day_of(now)
    week = published_week(today)
    with database.reading() as tx:
        counted = _read_days(tx, today)
        uptime = read_uptime(tx, now)
        metrics = UsageMetrics(
            **counted,
            error_rate=_read_error_rate(tx, now),
            uptime_percentage=uptime.percentage,
            geographic_distribution=merged(read_countries(tx, *week)),
        )
    return ReportedMetrics(metrics, now, uptime, week)


def _read_days(tx: Session, today: date) -> dict[str, Any]:
    """All in one pass over a row a day."""
    day, analyses = UsageDay.day, UsageDay.analyses

    def since(first: date, figure: InstrumentedAttribute[int]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case(((day >= first) & (day <= today), figure), else_=0)), 0)

    monday, lately = today - timedelta(days=today.weekday()), today - PROCESSING_DAYS
    row = tx.execute(
        select(
            func.coalesce(func.sum(analyses), 0),
            since(today, analyses),
            since(monday, analyses),
            since(today.replace(day=1), analyses),
            since(today, UsageDay.visits),
            since(lately, UsageDay.processing_us),
            since(lately, analyses),
        )
    ).one()
    total, daily, weekly, monthly, visits, processing, measured = map(int, row)
    return {
        "total_analyses": total,
        "daily_analyses": daily,
        "weekly_analyses": weekly,
        "monthly_analyses": monthly,
        "unique_sessions": visits,
        "average_processing_time": processing / measured / MICROSECONDS if measured else None,
    }


def _read_error_rate(tx: Session, now: datetime) -> float | None:
    """``None`` without requests; a failure whose request is still in a batch makes it no more than
    all."""
    hour = hour_of(now)
    lately = (UsageHour.hour >= hour - ERROR_HOURS) & (UsageHour.hour <= hour)
    bad = func.sum(UsageHour.failures + UsageHour.server_errors)
    requests, errors = tx.execute(select(func.sum(UsageHour.requests), bad).where(lately)).one()
    return min(1.0, int(errors) / int(requests)) if requests else None


@dataclass(frozen=True)
class Period:
    """What was counted from the day ``begins`` on, for a day, an ISO week or a month.

    ``visits`` are those of each day, added up: who comes on two days is counted twice. The averages
    are in seconds, ``None`` if nothing was measured.
    """

    name: str
    begins: date
    analyses: int = 0
    unkept: int = 0
    failures: int = 0
    requests: int = 0
    server_errors: int = 0
    visits: int = 0
    average_processing_time: float | None = None
    average_response_time: float | None = None

    @classmethod
    def of(cls, by: By, begins: date, days: Sequence[UsageDay]) -> Self:
        """Add up the days of a period."""
        sums = {name: sum(getattr(one, name) for one in days) for name in _SUMMED}
        processing = sum(one.processing_us for one in days)
        response = sum(one.response_us for one in days)
        return cls(
            _name(by, begins),
            begins,
            **sums,
            average_processing_time=_average(processing, sums["analyses"]),
            average_response_time=_average(response, sums["requests"]),
        )

    def as_json(self) -> dict[str, Any]:
        """By the same names."""
        return asdict(self) | {"begins": self.begins.isoformat()}


_SUMMED: Final = tuple(one.name for one in fields(Period) if one.default == 0)


def read_history(database: Database, by: By, now: datetime) -> tuple[Period, ...]:
    """The last periods, the present one last, from the first that anything was counted in.

    90 days, 53 weeks or 36 months at most; one in which nothing was counted is there, too.
    """
    present = begins(by, day_of(now))
    first = present
    for _ in range(MOST_PERIODS[by] - 1):
        first = begins(by, first - timedelta(days=1))
    wanted = (UsageDay.day >= first) & (UsageDay.day <= day_of(now))
    with database.reading() as tx:
        days = tx.scalars(select(UsageDay).where(wanted).order_by(UsageDay.day)).all()
    grouped: dict[date, list[UsageDay]] = {}
    for one in days:
        grouped.setdefault(begins(by, one.day), []).append(one)
    return tuple(
        Period.of(by, begin, grouped.get(begin, []))
        for begin in _between(by, min(grouped, default=present), present)
    )


def begins(by: By, day: date) -> date:
    """The first day of the day's own period."""
    if by == "day":
        return day
    return day.replace(day=1) if by == "month" else day - timedelta(days=day.weekday())


def _between(by: By, first: date, last: date) -> Sequence[date]:
    found = [last]
    while found[-1] > first:
        found.append(begins(by, found[-1] - timedelta(days=1)))
    return found[::-1]


def _name(by: By, begin: date) -> str:
    """``2026-11-26``, ``2026-W48`` or ``2026-11``."""
    if by == "week":
        year, week, _ = begin.isocalendar()
        return f"{year}-W{week:02}"
    return begin.isoformat() if by == "day" else f"{begin:%Y-%m}"


def _average(microseconds: int, count: int) -> float | None:
    return microseconds / count / MICROSECONDS if count else None
