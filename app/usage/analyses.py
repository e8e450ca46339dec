"""Counting analyses: in the transaction that keeps one, or in a small one of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.errors import Busy, Refusal, StorageUnavailable
from app.inference.analysis import Analysis
from app.storage.database import Database
from app.storage.tables import USAGE_ANALYSES, UsageDay, UsageHour, now
from app.telemetry import NO_METRICS, Metric, Signals
from app.usage.counts import add, day_of, hour_of

LOST: Final = "analyses"
ROW: Final = insert(USAGE_ANALYSES)


def _ignore() -> None:
    pass


@dataclass(frozen=True)
class AnalysisCounter:
    """Counts into the database and tells CloudWatch; ``on_failure`` is told of each failure.

    What cannot be written is told as lost. Nobody's answer fails for it.
    """

    signals: Signals = field(default_factory=lambda: Signals(NO_METRICS))
    clock: Callable[[], datetime] = now
    on_failure: Callable[[], None] = _ignore

    def kept(self, tx: Session, analysis: Analysis, age_years: float) -> None:
        """Count it in the transaction that keeps it."""
        self._add(tx, analysis, age_years, unkept=0)

    def unkept(self, database: Database, analysis: Analysis, age_years: float) -> None:
        """Count one that nobody keeps; a database that is only read counts nothing."""
        if not database.read_only:
            with self._told_if_lost(), database.impatient.writing() as tx:
                self._add(tx, analysis, age_years, unkept=1)
        self.tell(analysis, kept=False)

    def tell(self, analysis: Analysis, *, kept: bool) -> None:
        """Tell CloudWatch of one, once it is kept if it is to be."""
        values = {Metric.ANALYSES: 1, Metric.ANALYSIS_MILLISECONDS: analysis.processing_ms}
        self.signals.metrics.put_together(values, bundle=analysis.bundle.version, kept=kept)

    @contextmanager
    def failures(self, database: Database) -> Iterator[None]:
        """Count it if the block raises what is no refusal."""
        failed = True
        try:
            yield
            failed = False
        except (Refusal, Busy):
            failed = False
            raise
        finally:
            if failed:
                self._failed(database)

    def _failed(self, database: Database) -> None:
        """Who counts the request is told once it is written; else that is an error like others."""
        if database.read_only:
            return
        at = self.clock()
        with self._told_if_lost():
            with database.impatient.writing() as tx:
                add(tx, UsageDay, {"day": day_of(at)}, failures=1)
                add(tx, UsageHour, {"hour": hour_of(at)}, failures=1)
            self.on_failure()

    def _add(self, tx: Session, analysis: Analysis, age_years: float, unkept: int) -> None:
        day = day_of(self.clock())
        assessment = analysis.assessment
        row = {
            "day": day,
            "age_years": int(age_years),
            "category_known": assessment.norm.category is not None,
            "p_value": _rounded(assessment.p_value, 3),
            "terms": assessment.terms
            and {name: _rounded(value, 2) for name, value in assessment.terms.items()},
            "bundle": analysis.bundle.version,
            "domain_matched": assessment.domain.matched,
        }
        tx.connection().execute(ROW, row)
        took = round(analysis.processing_ms * 1000)
        add(tx, UsageDay, {"day": day}, analyses=1, unkept=unkept, processing_us=took)

    @contextmanager
    def _told_if_lost(self) -> Iterator[None]:
        try:
            yield
        except StorageUnavailable:
            self.signals.count(Metric.COUNTS_LOST, LOST)


def _rounded(value: float | None, digits: int) -> float | None:
    """What trends need, and not the figures by which a result could be found again."""
    return None if value is None else round(value, digits)
