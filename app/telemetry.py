"""Log lines and metrics: JSON on standard output, from which CloudWatch takes both.

Never a picture, an age or an address in a line, nor a country as a dimension. In requests use
``thread_safe_append_keys``: ``append_keys`` leaks from one request into another. Powertools, which
imports botocore, is imported where lines are written.
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, Self

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

SERVICE: Final = "sketchnorm"
NAMESPACE: Final = "Sketchnorm"
DIMENSION: Final = "service"  # the only one: each further value of any would be a further metric
MOST_METRICS: Final = 20
MINUTE: Final = 60.0

Unit = Literal["Count", "Seconds", "Milliseconds"]  # of those that CloudWatch knows
COUNT: Final = "Count"
SECONDS: Final = "Seconds"
MILLISECONDS: Final = "Milliseconds"
# Who looks at a metric: an alarm of ``alarms``, or only somebody at CloudWatch's dashboard.
Watcher = Literal["alarm", "dashboard"]
Property = str | int | float | bool

_correlation: ContextVar[str | None] = ContextVar("correlation_id", default=None)


class Metric(StrEnum):
    """Every metric there is, with its unit and who watches it.

    Each one costs money, so what computes the cost reads this list.
    """

    unit: Unit
    watched_by: Watcher

    BACKUP_SUCCEEDED = "BackupSucceeded", COUNT, "alarm"
    RESTORE_DRILL_SUCCEEDED = "RestoreDrillSucceeded", COUNT, "alarm"
    BACKUP_AGE_SECONDS = "BackupAgeSeconds", SECONDS, "alarm"
    BLOBS_MISSING = "BlobsMissing", COUNT, "alarm"
    SPOOL_WAITING = "SpoolWaiting", COUNT, "alarm"
    SPOOL_REFUSED = "SpoolRefused", COUNT, "alarm"
    AUTH_SECRET_STALE = "AuthSecretStale", COUNT, "alarm"
    ANALYSES = "Analyses", COUNT, "dashboard"
    ANALYSIS_MILLISECONDS = "AnalysisMilliseconds", MILLISECONDS, "alarm"
    BUSY_REFUSALS = "BusyRefusals", COUNT, "alarm"
    ERRORS = "Errors", COUNT, "alarm"
    LOGIN_FAILURES = "LoginFailures", COUNT, "alarm"
    JOBS_GIVEN_UP = "JobsGivenUp", COUNT, "alarm"
    DATABASE_WAIT_MILLISECONDS = "DatabaseWaitMilliseconds", MILLISECONDS, "alarm"
    COUNTS_LOST = "CountsLost", COUNT, "alarm"

    def __new__(cls, name: str, unit: Unit = COUNT, watched_by: Watcher = "alarm") -> Self:
        """A member is its name."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.unit, member.watched_by = unit, watched_by
        return member


@dataclass(frozen=True)
class Metrics:
    """Writes metrics as CloudWatch's embedded metric format; writes none unless ``enabled``."""

    enabled: bool

    def put(self, metric: Metric, value: float = 1, **properties: Property) -> None:
        """Write one value; ``properties`` can be searched for in the log, and cost nothing."""
        self.put_together({metric: value}, **properties)

    def put_together(self, values: Mapping[Metric, float], **properties: Property) -> None:
        """Write values that belong together as one line."""
        if not self.enabled:
            return
        # In one piece: print() writes the end of a line by itself, and other threads write, too.
        sys.stdout.write(f"{as_line(values, properties)}\n")
        sys.stdout.flush()

    @contextmanager
    def outcome(self, metric: Metric) -> Iterator[None]:
        """Say how the block went, 1 or 0, and how long it took; what it raises goes on.

        So one name tells both: its sum counts what went well, and its minimum finds what did not.
        """
        began, done = time.monotonic(), False
        try:
            yield
            done = True
        finally:
            self.put(metric, int(done), seconds=round(time.monotonic() - began, 2))


def as_line(values: Mapping[Metric, float], properties: Mapping[str, object]) -> str:
    """As CloudWatch reads them from the log, with the id of the request or the job at hand."""
    correlation = _correlation.get()
    known = {} if correlation is None else {"correlation_id": correlation}
    return json.dumps(_described(values) | known | dict(properties))


def _described(values: Mapping[Metric, float]) -> dict[str, object]:
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": str(metric), "Unit": metric.unit} for metric in values],
    }
    about = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}
    return {
        "_aws": about,
        DIMENSION: SERVICE,
        **{str(metric): [float(value)] for metric, value in values.items()},
    }


NO_METRICS: Final = Metrics(enabled=False)


@dataclass
class Signals:
    """Metrics of what goes wrong: of each ``kind`` at most one line a minute, which counts all.

    A dependency that is away fails every request; the first one is told at once.
    """

    metrics: Metrics
    clock: Callable[[], float] = time.monotonic
    _next: dict[tuple[Metric, str], float] = field(default_factory=dict, repr=False)
    _untold: dict[tuple[Metric, str], int] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, metric: Metric, kind: str, times: int = 1) -> None:
        """Tell it now, or with the next line of its kind."""
        with self._lock:
            key = (metric, kind)
            self._untold[key] = self._untold.get(key, 0) + times
        self.tell()

    def tell(self) -> None:
        """Write what is due; what counts and then falls silent relies on a later call."""
        now = self.clock()
        with self._lock:
            due = [key for key in self._untold if now >= self._next.get(key, now)]
            told = [(key, self._untold.pop(key)) for key in due]
            self._next |= dict.fromkeys(due, now + MINUTE)
        for (metric, kind), times in told:
            self.metrics.put(metric, times, kind=kind)


def make_logger() -> "Logger":
    """The logger of an entry point; ``POWERTOOLS_LOG_LEVEL`` sets its level.

    What other modules and libraries write, warnings and worse, gets its form and its ids.
    """
    from aws_lambda_powertools import Logger

    logging.basicConfig(stream=sys.stdout)  # nothing if Lambda has put a handler before
    logger = Logger(service=SERVICE)
    for handler in logging.root.handlers:
        handler.setFormatter(logger.registered_formatter)
    return logger


def correlate(correlation_id: str) -> None:
    """Have every line of this context, a request's or a thread's, carry the id from now on."""
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    _correlation.set(correlation_id)
    LambdaPowertoolsFormatter().thread_safe_append_keys(correlation_id=correlation_id)


def current_correlation_id() -> str | None:
    """The id of the request or the job at hand, ``None`` outside of both."""
    return _correlation.get()
