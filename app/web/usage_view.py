"""The use of the site as its dashboard tells it: nine figures, plots of each period, countries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from markupsafe import Markup

from app.usage.countries import OTHER
from app.usage.counts import UNKNOWN_COUNTRY
from app.usage.metrics import By, Period, ReportedMetrics, UsageMetrics
from app.web.plots import Bar, bar_plot

UNMEASURED: Final = "–"
PERIOD_NAMES: Final[dict[By, str]] = {"day": "By day", "week": "By week", "month": "By month"}
COUNTRY_NAMES: Final = {OTHER: "other countries", UNKNOWN_COUNTRY: "unknown"}


@dataclass(frozen=True)
class Figure:
    """One number, in words; ``note`` says what has to be known to read it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class PlotView:
    """A plot under its heading."""

    title: str
    svg: Markup


@dataclass(frozen=True)
class Row:
    """A period as the table beside the plots has it."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class UsageView:
    """Everything that the dashboard says of use."""

    figures: tuple[Figure, ...]
    plots: tuple[PlotView, ...]
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    countries: tuple[tuple[str, int], ...]
    countries_of: str

    @classmethod
    def of(cls, told: ReportedMetrics, periods: Sequence[Period]) -> Self:
        """``periods`` are the oldest first; the table has the newest first."""
        distribution = told.metrics.geographic_distribution
        return cls(
            figures=(*_analyses(told.metrics), *_service(told)),
            plots=tuple(
                PlotView(title, bar_plot(key, title, [Bar(one.name, read(one)) for one in periods]))
                for key, title, read in PLOTS
            ),
            headings=tuple(HEADINGS),
            rows=tuple(_row(one) for one in reversed(periods)),
            countries=tuple((COUNTRY_NAMES.get(c, c), count) for c, count in distribution.items()),
            countries_of=_days(*told.countries_of),
        )


def _analyses(metrics: UsageMetrics) -> Sequence[Figure]:
    return (
        Figure("Analyses", f"{metrics.total_analyses:,}", "since the site began"),
        Figure("Analyses today", f"{metrics.daily_analyses:,}"),
        Figure("Analyses this week", f"{metrics.weekly_analyses:,}"),
        Figure("Analyses this month", f"{metrics.monthly_analyses:,}"),
        Figure("Time of an analysis", _time(metrics.average_processing_time), "mean of 30 days"),
    )


def _service(told: ReportedMetrics) -> Sequence[Figure]:
    metrics, uptime = told.metrics, told.uptime
    unknown = uptime.unknown / (uptime.up + uptime.down + uptime.unknown)
    return (
        Figure("Visits today", f"{metrics.unique_sessions:,}"),
        Figure(
            "Requests that failed",
            UNMEASURED if metrics.error_rate is None else _share(metrics.error_rate),
            "of the last 24 hours",
        ),
        Figure(
            "Time that the site was up",
            UNMEASURED
            if metrics.uptime_percentage is None
            else _share(metrics.uptime_percentage / 100),
            f"of what is known of 30 days; of {_share(unknown)} nothing is",
        ),
    )


def _milliseconds(period: Period) -> float | None:
    seconds = period.average_processing_time
    return None if seconds is None else seconds * 1000


PLOTS: Final[tuple[tuple[str, str, Callable[[Period], float | None]], ...]] = (
    ("analyses", "Analyses", lambda one: one.analyses),
    ("visits", "Visits", lambda one: one.visits),
    ("failed", "Requests and analyses that failed", lambda one: one.server_errors + one.failures),
    ("time", "Time of an analysis, in milliseconds", _milliseconds),
)
HEADINGS: Final[dict[str, Callable[[Period], str]]] = {
    "Analyses": lambda one: f"{one.analyses:,}",
    "of them not kept": lambda one: f"{one.unkept:,}",
    "Time of one": lambda one: _time(one.average_processing_time),
    "Failed analyses": lambda one: f"{one.failures:,}",
    "Visits": lambda one: f"{one.visits:,}",
    "Requests": lambda one: f"{one.requests:,}",
    "answered 5xx": lambda one: f"{one.server_errors:,}",
    "Time of an answer": lambda one: _time(one.average_response_time),
}


def _row(period: Period) -> Row:
    return Row(period.name, tuple(read(period) for read in HEADINGS.values()))


def _time(seconds: float | None) -> str:
    if seconds is None:
        return UNMEASURED
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def _share(share: float) -> str:
    """Never rounded to all or nothing where it is neither."""
    percent = 100 * share
    if 0 < percent < 0.01:
        return "< 0.01 %"
    if 99.99 < percent < 100:
        return "> 99.99 %"
    return f"{percent:.2f}".rstrip("0").rstrip(".") + " %"


def _days(first: date, last: date) -> str:
    return f"{first:%d %B} to {last:%d %B %Y}"
