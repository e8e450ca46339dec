"""Counting requests and visits: gathered in memory, and written down every five seconds.

A process that is killed loses what it gathered since: at most five seconds of requests, times and
visits, and what could not be written before. Analyses are counted elsewhere, and never lost that
way.
"""

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Self

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import StorageBusy, StorageUnavailable
from app.storage.database import Database
from app.storage.tables import UsageDay, UsageHour, now
from app.telemetry import MINUTE, Metric, Signals
from app.usage.countries import published_week
from app.usage.counts import UNKNOWN_COUNTRY, add, add_visits, day_of, hour_of
from app.usage.uptime import say, slot_of
from app.usage.visits import Salts

log = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 5.0
MOST_VISITS: Final = 10_000  # held in memory while the database is away; more are lost, and told
MOST_SLOTS: Final = 288  # a day of them
LOST_REQUESTS, LOST_VISITS = "requests", "visits"


@dataclass(frozen=True)
class SeenRequest:
    """A request that was answered; ``visitor`` tells people apart and is kept nowhere.

    ``failed``: with 5xx, for which no failed analysis was counted.
    """

    seconds: float
    failed: bool = False
    visitor: str | None = None
    country: str | None = None


@dataclass
class Figures:
    """Sums of one hour."""

    requests: int = 0
    server_errors: int = 0
    response_us: int = 0

    def add(self, other: Self) -> None:
        """Take the other's, too."""
        self.requests += other.requests
        self.server_errors += other.server_errors
        self.response_us += other.response_us


@dataclass
class Batch:
    """What was seen and is not written yet; ``visits`` have a country for each digest."""

    hours: dict[datetime, Figures] = field(default_factory=dict)
    visits: dict[date, dict[str, str]] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """How many there are in it."""
        return sum(figures.requests for figures in self.hours.values())

    @property
    def visitors(self) -> int:
        """How many there are in it, each once a day."""
        return sum(map(len, self.visits.values()))

    def add(self, other: Self) -> None:
        """Take the other's, too; what was seen first holds."""
        for hour, figures in other.hours.items():
            self.hours.setdefault(hour, Figures()).add(figures)
        for day, countries in other.visits.items():
            self.visits[day] = {**self.visits.get(day, {}), **countries}

    def write(self, tx: Session, today: date) -> int:
        """Add it to what is counted; the number of visits that there was no room for."""
        for hour, figures in sorted(self.hours.items()):
            both = {"requests": figures.requests, "server_errors": figures.server_errors}
            add(tx, UsageHour, {"hour": hour}, **both)
            key = {"day": day_of(hour)}
            add(tx, UsageDay, key, **both, response_us=figures.response_us)
        _, published = published_week(today)
        return sum(
            add_visits(tx, day, countries, published=published)
            for day, countries in sorted(self.visits.items())
        )


@dataclass
class RequestCounter:
    """One for the process; without a ``database`` requests are only told to CloudWatch.

    Where no thread runs beside the requests, as on Lambda, ``is_due`` says after which of them
    ``flush`` is to be called. Flushing also says that this process serves, and destroys the salts
    of passed days.
    """

    database: Database | None
    salts: Salts | None
    signals: Signals
    clock: Callable[[], datetime] = now
    ticks: Callable[[], float] = time.monotonic
    _batch: Batch = field(default_factory=Batch, repr=False)
    _down: list[datetime] = field(default_factory=list, repr=False)
    _said: datetime | None = field(default=None, repr=False)
    _flushed_at: float | None = field(default=None, repr=False)
    _longest_wait_ms: float = field(default=0.0, repr=False)
    _unsalted_until: float = field(default=-math.inf, repr=False)
    _wait_told_at: float | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _flushing: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)

    def note(self, seen: SeenRequest) -> None:
        """Count a request with the next batch."""
        if self.database is None:
            return
        at = self.clock()
        one = Figures(1, int(seen.failed), round(seen.seconds * 1_000_000))
        visit = self._visit(day_of(at), seen)
        with self._lock:
            self._batch.hours.setdefault(hour_of(at), Figures()).add(one)
            full = self._batch.visitors >= MOST_VISITS
            if visit is not None and not full:
                self._batch.visits.setdefault(day_of(at), {}).setdefault(*visit)
        if visit is not None and full:
            self._lost(LOST_VISITS, 1)

    def _visit(self, day: date, seen: SeenRequest) -> tuple[str, str] | None:
        """``None`` if it is none, or cannot be counted; then the disk is left alone for a while."""
        if seen.visitor is None or self.salts is None:
            return None
        if self.ticks() < self._unsalted_until:
            self._lost(LOST_VISITS, 1)
            return None
        try:
            digest = self.salts.digest(day, seen.visitor)
        except StorageUnavailable as error:
            log.warning("Visits are not counted now: %s", error.advice)
            self._unsalted_until = self.ticks() + FLUSH_SECONDS
            self._lost(LOST_VISITS, 1)
            return None
        return digest, seen.country or UNKNOWN_COUNTRY

    @property
    def is_due(self) -> bool:
        """Whether nothing was written for five seconds, and no thread sees to it."""
        if self.database is None or self._thread is not None:
            return False
        return self._flushed_at is None or self.ticks() - self._flushed_at >= FLUSH_SECONDS

    def flush(self) -> None:
        """Write the batch; what surely was not written is written with the next one.

        If a disk fails while it commits nobody knows whether it did: its requests are told as lost,
        as to count twice would be worse. Its visits are written again, which counts none twice.
        """
        if self.database is None:
            return
        with self._flushing:
            self._flushed_at = self.ticks()
            self._destroy_salts()
            with self._lock:
                batch, self._batch = self._batch, Batch()
            slot = slot_of(self.clock())
            if batch.hours or slot != self._said:
                self._write(self.database.impatient, batch, slot)
        self._tell()

    def _destroy_salts(self) -> None:
        try:
            if self.salts is not None:
                self.salts.destroy_others(day_of(self.clock()))
        except StorageUnavailable as error:
            log.error("%s", error.advice)  # noqa: TRY400 - the sentence tells

    def _write(self, database: Database, batch: Batch, slot: datetime) -> None:
        """What is not written for whatever reason is put back, so that it is written later."""
        began, commits, left = self.ticks(), False, batch
        try:
            with database.writing() as tx:
                turned_away = batch.write(tx, day_of(self.clock()))
                say(tx, [slot], self._down)
                commits = True
            self._said, self._down, left = slot, [], Batch()
            self._lost(LOST_VISITS, turned_away)
        except StorageBusy:  # also if it was so at the end: nothing is written then
            self._was_down(slot)
        except (StorageUnavailable, IntegrityError):
            self._was_down(slot)
            if commits:
                left = Batch(visits=batch.visits)  # which are counted once, however often written
                self._lost(LOST_REQUESTS, batch.requests)
        finally:
            self._put_back(left)
            waited = (self.ticks() - began) * 1000
            self._longest_wait_ms = max(self._longest_wait_ms, waited)

    def _was_down(self, slot: datetime) -> None:
        if slot not in self._down:
            self._down = [*self._down, slot][-MOST_SLOTS:]

    def _put_back(self, batch: Batch) -> None:
        with self._lock:
            batch.add(self._batch)
            self._batch = batch

    def _lost(self, what: str, count: int) -> None:
        if count:
            self.signals.count(Metric.COUNTS_LOST, what, count)

    def _tell(self) -> None:
        """What falls silent would otherwise keep its last count; the longest wait once a minute."""
        self.signals.tell()
        at = self.ticks()
        if self._wait_told_at is None or at - self._wait_told_at >= MINUTE:
            wait, self._longest_wait_ms, self._wait_told_at = self._longest_wait_ms, 0.0, at
            self.signals.metrics.put(Metric.DATABASE_WAIT_MILLISECONDS, wait)

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Flush while the server is up, and at its end; what is left then is lost, and told."""
        self._thread = threading.Thread(target=self._keep_flushing, name="usage", daemon=True)
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            await asyncio.to_thread(self._thread.join, FLUSH_SECONDS)
            self._lost(LOST_REQUESTS, self._batch.requests)
            self._lost(LOST_VISITS, self._batch.visitors)

    def _keep_flushing(self) -> None:
        """Each time in a thread of its own: what nobody foresaw ends that one alone."""
        ends = False
        while not ends:
            ends = self._stop.wait(FLUSH_SECONDS)
            flush = threading.Thread(target=self.flush, name="usage-flush", daemon=True)
            flush.start()
            flush.join()
