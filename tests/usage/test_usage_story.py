"""Property 8: whatever happens, the metrics are those of a plain recount.

A machine of Hypothesis has two processes on one database do what visitors, operators and the
background's work do, sets their clock, and has them die at any step. It keeps a list of what was
seen and counts that again, in the simplest way there is.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.access.secrets import kept_key
from app.actions.submit import Submission, answer
from app.errors import Busy, InvalidAge, Refusal
from app.inference.analysis import Analysis, Analyzer
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.schema import migrate
from app.storage.tables import UsageDay, UsageHour
from app.stores import Stores
from app.telemetry import NO_METRICS, Signals
from app.usage.analyses import AnalysisCounter
from app.usage.countries import merged, published_week, read_countries
from app.usage.metrics import PERIODS, By, begins, read_history, read_metrics
from app.usage.requests import RequestCounter, SeenRequest
from app.usage.uptime import SLOT, slot_of
from app.usage.visits import Salts
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.faults.crashes import Crash, Life, MortalDatabase
from tests.support.stores.databases import JOURNALS, NewDatabase, in_sqlite, use_journal
from tests.support.stores.sites import PICTURE, Site

if TYPE_CHECKING:
    from tests.support.stores.postgres_server import PostgresServer

EXAMPLES = int(os.environ.get("SKETCHNORM_ROUNDS", "12"))
STEPS = 30
# A Sunday evening at the end of a month, so that a week, a month and a year are about to begin.
BEGIN = datetime(2028, 12, 31, 23, 50, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DEATHS = st.none() | st.integers(0, 4)
WHICH = st.sampled_from([0, 1])
LEVEL = 0.05


class BrokenModelError(RuntimeError):
    """What nobody foresaw."""


@dataclass
class Visit:
    """``salt`` tells the salts of one day apart: one is made anew if the clock was set back."""

    day: date
    salt: int
    visitor: str
    country: str

    @property
    def key(self) -> tuple[date, int, str]:
        return self.day, self.salt, self.visitor


@dataclass
class Pending:
    """What a process has seen and not written."""

    requests: list[tuple[datetime, bool]] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)


@dataclass
class Recount:
    """Everything that is to be counted, one by one."""

    analyses: list[tuple[datetime, bool, float]] = field(default_factory=list)
    failures: list[datetime] = field(default_factory=list)
    requests: list[tuple[datetime, bool]] = field(default_factory=list)
    visits: dict[tuple[date, int, str], Visit] = field(default_factory=dict)
    up: set[datetime] = field(default_factory=set)

    def take(self, pending: Pending) -> None:
        self.requests += pending.requests
        for visit in pending.visits:
            self.visits.setdefault(visit.key, visit)

    def metrics(self, now: datetime) -> dict[str, Any]:
        """``UsageMetrics`` without countries."""
        today = now.date()
        days = [at.date() for at, _, _ in self.analyses]
        lately = [ms for at, _, ms in self.analyses if today - 30 * DAY <= at.date() <= today]
        return {
            "total_analyses": len(days),
            "daily_analyses": days.count(today),
            "weekly_analyses": self._within("week", days, today),
            "monthly_analyses": self._within("month", days, today),
            "average_processing_time": sum(round(ms * 1000) for ms in lately) / len(lately) / 1e6
            if lately
            else None,
            "unique_sessions": sum(visit.day == today for visit in self.visits.values()),
            "error_rate": self._error_rate(now),
            "uptime_percentage": 100.0 if self.slots(now) else None,
        }

    @staticmethod
    def _within(by: By, days: list[date], today: date) -> int:
        return sum(begins(by, day) == begins(by, today) and day <= today for day in days)

    def _error_rate(self, now: datetime) -> float | None:
        def late(at: datetime) -> bool:
            hours = floor(now) - floor(at)
            return timedelta(0) <= hours <= 23 * HOUR

        requests = [failed for at, failed in self.requests if late(at)]
        failures = sum(map(late, self.failures))
        return min(1.0, (sum(requests) + failures) / len(requests)) if requests else None

    def slots(self, now: datetime) -> int:
        first = floor(now - 30 * DAY)
        return sum(first <= slot < floor(now) + HOUR for slot in self.up)

    def countries(self, first: date, last: date) -> dict[str, int]:
        found = (one.country for one in self.visits.values() if first <= one.day <= last)
        return dict(Counter(found))


def floor(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


class Story(RuleBasedStateMachine):
    def __init__(self, new_database: NewDatabase = in_sqlite) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.folder = Path(self.resources.enter_context(tempfile.TemporaryDirectory()))
        self.url = self.resources.enter_context(new_database(self.folder))
        self.now = BEGIN
        self.recount = Recount()
        self.salts: dict[date, int] = {}
        self.made_salts = 0

    # --- two processes -------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.databases = [Database.open(self.url, "local") for _ in range(2)]
        migrate(self.databases[0])
        self.blobs = FolderBlobStore(self.folder / "blobs", "local")
        self.counters = [self.new_counter(which) for which in (0, 1)]
        self.pending = [Pending(), Pending()]

    def new_counter(self, which: int) -> RequestCounter:
        salts, signals = Salts(self.folder, kept_key), Signals(NO_METRICS)
        return RequestCounter(self.databases[which], salts, signals, clock=lambda: self.now)

    def stores(self, which: int, steps: int | None) -> Stores:
        """Of a process that dies after so many steps."""
        return Stores(MortalDatabase.of(self.databases[which], Life(steps)), self.blobs)

    @rule(which=WHICH)
    def kill(self, which: int) -> None:
        """It loses what it had not written."""
        self.counters[which] = self.new_counter(which)
        self.pending[which] = Pending()

    @rule(which=WHICH)
    def restart(self, which: int) -> None:
        self.flush(which, None)
        self.kill(which)

    # --- analyses ------------------------------------------------------------------------------

    def submits(
        self, which: int, steps: int | None, analyzer: Analyzer, **of_it: object
    ) -> str | Analysis:
        usual: dict[str, Any] = {"age_years": 6.5, "category": "house"}
        counter = AnalysisCounter(clock=lambda: self.now)
        submission = Submission(PICTURE, **{**usual, **of_it})
        stores = self.stores(which, steps)
        return answer(submission, analyzer=analyzer, stores=stores, level=LEVEL, counter=counter)

    @rule(which=WHICH, steps=DEATHS, key=st.none() | st.sampled_from("ab"), ms=st.floats(1, 9000))
    def keep(self, which: int, steps: int | None, key: str | None, ms: float) -> None:
        """Who died has counted it if and only if it is kept."""
        before = self.drawings
        with suppress(Crash):
            self.submits(which, steps, FakeAnalyzer(processing_ms=ms), idempotency_key=key)
        for _ in self.drawings - before:
            self.recount.analyses.append((self.now, True, ms))

    @rule(which=WHICH, steps=DEATHS, ms=st.floats(1, 9000))
    def answer_only(self, which: int, steps: int | None, ms: float) -> None:
        """Who died may have counted it or not, but not twice."""
        before = self.total(UsageDay.analyses)
        try:
            self.submits(which, steps, FakeAnalyzer(processing_ms=ms), keep=False)
            counted = 1
        except Crash:
            counted = self.total(UsageDay.analyses) - before
            assert counted in (0, 1)
        self.recount.analyses += [(self.now, False, ms)] * counted

    @rule(which=WHICH, keep=st.booleans())
    def fail(self, which: int, keep: bool) -> None:
        analyzer = Raising(BrokenModelError())
        with pytest.raises(BrokenModelError):
            self.submits(which, None, analyzer, keep=keep)
        self.recount.failures.append(self.now)

    @rule(which=WHICH, refusal=st.sampled_from([InvalidAge("No."), Busy("Later.")]))
    def refuse(self, which: int, refusal: Exception) -> None:
        """That is no failure, and is not counted."""
        with pytest.raises((Refusal, Busy)):
            self.submits(which, None, Raising(refusal))

    @precondition(lambda self: self.drawings)
    @rule(which=WHICH)
    def forget(self, which: int) -> None:
        site = Site(self.databases[which], self.blobs)
        site.forgets(min(self.drawings), self.now)

    @rule(which=WHICH)
    def retain(self, which: int) -> None:
        Site(self.databases[which], self.blobs).retains(self.now)

    # --- requests ------------------------------------------------------------------------------

    @rule(
        which=WHICH, visitor=st.none() | st.sampled_from("xyz"), failed=st.booleans(),
        country=st.sampled_from(["DE", "FR"]),
    )  # fmt: skip
    def request(self, which: int, visitor: str | None, failed: bool, country: str) -> None:
        seen = SeenRequest(0.25, failed=failed, visitor=visitor, country=country)
        self.counters[which].note(seen)
        self.pending[which].requests.append((self.now, failed))
        if visitor is not None:
            visit = Visit(self.now.date(), self.salt_now(), visitor, country)
            self.pending[which].visits.append(visit)

    @rule(visitor=st.sampled_from("xyz"), again=WHICH)
    def come_to_both(self, visitor: str, again: int) -> None:
        """As while a task is replaced; and once more when all is written."""
        for which in (0, 1, again):
            self.request(which=which, visitor=visitor, failed=False, country="DE")
            if which == 1:
                self.flush_both()
        self.flush_both()

    def salt_now(self) -> int:
        """The salt of today; all others are destroyed but tomorrow's, see ``destroy_salts``."""
        today = self.now.date()
        self.destroy_salts()
        if today not in self.salts:
            self.made_salts += 1
            self.salts[today] = self.made_salts
        return self.salts[today]

    def destroy_salts(self) -> None:
        kept = (self.now.date(), self.now.date() + DAY)
        self.salts = {day: salt for day, salt in self.salts.items() if day in kept}

    @rule(which=WHICH, steps=DEATHS)
    def flush(self, which: int, steps: int | None) -> None:
        """Who dies has written all that it had seen, or nothing."""
        self.destroy_salts()
        counter, seen = self.counters[which], self.pending[which]
        before = self.total(UsageDay.requests)
        up_before = self.bits()
        with as_mortal(counter, steps), suppress(Crash):
            counter.flush()
        written = self.total(UsageDay.requests) - before
        assert written == len(seen.requests) or (not written and steps is not None)
        if written or not seen.requests:
            self.recount.take(seen)
        if self.bits() != up_before or steps is None:
            self.recount.up.add(slot_of(self.now))
        self.pending[which] = Pending()
        if steps is not None:
            self.kill(which)

    @rule(which=WHICH)
    def flush_in_vain(self, which: int) -> None:
        """What cannot be written is kept for the next time."""
        counter = self.counters[which]
        writable, counter.database = (
            counter.database,
            replace(self.databases[which], read_only=True),
        )
        counter.flush()
        counter.database = writable
        self.flush(which, None)

    # --- the clock -----------------------------------------------------------------------------

    @rule(time=st.sampled_from([timedelta(minutes=7), HOUR, DAY, 7 * DAY, 40 * DAY]))
    def pass_time(self, time: timedelta) -> None:
        """Everything was written long before it is over."""
        self.flush_both()
        self.now += time
        self.flush_both()

    @rule(step=st.sampled_from([-DAY, -HOUR, timedelta(minutes=-11), timedelta(minutes=11), DAY]))
    def set_clock(self, step: timedelta) -> None:
        """What was seen before is written after it."""
        self.now += step
        self.flush_both()

    def flush_both(self) -> None:
        for which in (0, 1):
            self.flush(which, None)

    # --- the recount ---------------------------------------------------------------------------

    @property
    def drawings(self) -> set[str]:
        return Site(self.databases[0], self.blobs).drawings

    def total(self, figure: InstrumentedAttribute[int]) -> int:
        with self.databases[0].reading() as tx:
            return tx.scalar(select(func.sum(figure))) or 0

    def bits(self) -> list[tuple[datetime, int]]:
        with self.databases[0].reading() as tx:
            rows = tx.execute(select(UsageHour.hour, UsageHour.up).order_by(UsageHour.hour))
            return [(row.hour, row.up) for row in rows]

    @invariant()
    def metrics_are_those_of_the_recount(self) -> None:
        told = read_metrics(self.databases[1], self.now)
        expected = self.recount.metrics(self.now)
        week = published_week(self.now.date())
        countries = self.recount.countries(*week)
        assert told.metrics.as_json() == expected | {"geographic_distribution": merged(countries)}
        assert told.uptime.up == self.recount.slots(self.now)
        with self.databases[1].reading() as tx:
            assert read_countries(tx, *week) == countries
            assert read_countries(tx, date.min, date.max) == self.recount.countries(
                date.min, date.max
            )

    @invariant()
    def no_period_is_missing_and_all_agree_with_the_recount(self) -> None:
        for by in PERIODS:
            for period in read_history(self.databases[1], by, self.now):
                days = [
                    (at, kept)
                    for at, kept, _ in self.recount.analyses
                    if begins(by, at.date()) == period.begins and at.date() <= self.now.date()
                ]
                assert (period.analyses, period.unkept) == (
                    len(days), sum(not kept for _, kept in days),
                )  # fmt: skip

    @invariant()
    def no_salt_is_left_but_the_last_one(self) -> None:
        files = {file.name for file in self.folder.glob("visits-*")}
        assert files == {f"visits-{day}.salt" for day in self.salts}

    def teardown(self) -> None:
        for database in self.databases:
            database.close()
        self.resources.close()


@dataclass(frozen=True)
class Raising:
    """An analyzer that has no answer."""

    error: Exception

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        raise self.error


@contextmanager
def as_mortal(counter: RequestCounter, steps: int | None) -> Iterator[None]:
    """Have its process die after so many steps with the database."""
    alive = counter.database
    assert alive is not None
    counter.database = MortalDatabase.of(alive, Life(steps))
    try:
        yield
    finally:
        counter.database = alive


STORIES = settings(max_examples=EXAMPLES, stateful_step_count=STEPS)


@pytest.mark.parametrize("journal", JOURNALS)
def test_metrics_are_those_of_a_plain_recount(
    journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_journal(journal, monkeypatch)
    run_state_machine_as_test(Story, settings=STORIES)


@pytest.mark.postgres
def test_they_are_on_postgresql_too(postgres_server: "PostgresServer") -> None:
    class OnServer(Story):
        def __init__(self) -> None:
            super().__init__(lambda folder: postgres_server.new_database())

    run_state_machine_as_test(OnServer, settings=STORIES)


def test_a_slot_is_five_minutes() -> None:
    assert slot_of(BEGIN + timedelta(minutes=4)) == BEGIN
    assert slot_of(BEGIN + timedelta(minutes=5)) == BEGIN + SLOT
