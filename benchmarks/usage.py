"""What counting costs, as ratios: beside a kept analysis, and beside what was ever counted.

Run as ``.venv/bin/python -m benchmarks.usage``. CPU time of one thread is counted, the least of
several rounds; what is compared is measured one after the other, so that a busy machine slows
both. Exit status 1 where a limit is not kept.
"""

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import event, insert

from app.access.secrets import kept_key
from app.actions.submit import Submission, submit
from app.imaging.synthetic import DEMO_SAMPLES, draw_sample
from app.inference.analysis import Analysis
from app.inference.analyzer import BundleAnalyzer
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.schema import migrate
from app.storage.tables import USAGE_ANALYSES, UsageCountry, UsageDay, UsageHour
from app.telemetry import Metrics, Signals
from app.usage.analyses import AnalysisCounter
from app.usage.metrics import read_metrics
from app.usage.requests import RequestCounter, SeenRequest
from app.usage.visits import Salts

MOST_SHARE = 0.05  # of a kept analysis's CPU
MOST_GROWTH = 2.0  # of a million rows over three years, against a thousand
ROUNDS = 15
READS = 40
NOW = datetime(2028, 11, 26, 12, 30, tzinfo=UTC)
YEARS = 3 * 365
BUNDLE = Path(__file__).parents[1] / "bundle"


class Uncounted(AnalysisCounter):
    """Counts nothing and tells nobody: what an analysis would cost without."""

    def kept(self, tx: object, analysis: Analysis, age_years: float) -> None:
        """Nothing."""

    def tell(self, analysis: Analysis, *, kept: bool) -> None:
        """Nothing."""


@contextmanager
def a_database() -> Iterator[tuple[Database, Path]]:
    with tempfile.TemporaryDirectory() as name:
        database = Database.open(f"sqlite:///{name}/sketchnorm.sqlite3", "local")
        migrate(database)
        yield database, Path(name)
        database.close()


def cpu_ms(work: Callable[[], object]) -> float:
    began = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - began) / 1e6


def least_in_turns(works: Sequence[Callable[[], object]]) -> list[float]:
    """Of each, done in turns: a processor that is slow for a second is slow for all of them."""
    rounds = [[cpu_ms(work) for work in works] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def share_of_an_analysis() -> tuple[float, float, int]:
    """Milliseconds with and without counting, and how many write transactions counting adds."""
    analyzer, signals = BundleAnalyzer.open(BUNDLE), Signals(Metrics(enabled=True))
    pictures = [(draw_sample(one), one.age_years, one.category) for one in DEMO_SAMPLES]
    with a_database() as (database, folder):
        blobs = FolderBlobStore(folder / "blobs", "local")
        requests = RequestCounter(database, Salts(folder, kept_key), signals)

        def hand_in(picture: tuple[bytes, float, str | None], counter: AnalysisCounter) -> None:
            submit(
                Submission(*picture), analyzer=analyzer, database=database, blobs=blobs,
                counter=counter,
            )  # fmt: skip
            if not isinstance(counter, Uncounted):
                requests.note(SeenRequest(0.1, visitor="203.0.113.7 Firefox", country="DE"))

        counters = (AnalysisCounter(signals), Uncounted(signals))
        for counter in counters:
            hand_in(pictures[0], counter)
        least = [
            least_in_turns([partial(hand_in, picture, counter) for counter in counters])
            for picture in pictures
        ]
        begun = [writes(database, partial(hand_in, pictures[0], counter)) for counter in counters]
    counted, uncounted = (statistics.median(times) for times in zip(*least, strict=True))
    return counted, uncounted, begun[0] - begun[1]


def writes(database: Database, work: Callable[[], object]) -> int:
    """How many transactions take the lock."""
    begun: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement == "BEGIN IMMEDIATE":
            begun.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    work()
    event.remove(database.engine, "before_cursor_execute", note)
    return len(begun)


def fill(database: Database, analyses: int, days: int) -> None:
    """So many analyses on so many days, and five weeks of hours, as retention leaves them."""
    dates = [NOW.date() - timedelta(days=n) for n in range(days)]
    each = analyses // days
    row = {
        "age_years": 6, "category_known": True, "p_value": 0.5, "terms": {"marks": 0.5},
        "bundle": "1", "domain_matched": True,
    }  # fmt: skip
    with database.writing() as tx:
        for day in dates:
            tx.execute(insert(USAGE_ANALYSES), [row | {"day": day}] * each)
        figures = {"analyses": each, "processing_us": 12_500 * each, "requests": each, "visits": 9}
        tx.execute(insert(UsageDay), [figures | {"day": day} for day in dates])
        tx.execute(insert(UsageCountry), [
            {"day": day, "country": country, "visits": 3}
            for day in dates for country in ("DE", "FR", "US")
        ])  # fmt: skip
        first = NOW.replace(minute=0)
        hours = [first - timedelta(hours=n) for n in range(35 * 24)]
        tx.execute(insert(UsageHour), [
            {"hour": hour, "requests": 9, "up": 0xFFF, "down": 0} for hour in hours
        ])  # fmt: skip


def growth() -> tuple[float, float]:
    """Milliseconds that the metrics take with a thousand analyses, and with a million."""
    with a_database() as (few, _), a_database() as (many, _):
        fill(few, 1000, 100)
        fill(many, 1_000_000, YEARS)
        works = [partial(read_metrics, database, NOW) for database in (few, many)]
        times = [[cpu_ms(work) for work in works] for _ in range(READS)]
    few_ms, many_ms = map(min, zip(*times, strict=True))
    return few_ms, many_ms


def main() -> None:
    with redirect_stdout(io.StringIO()):
        counted, uncounted, more = share_of_an_analysis()
    share = (counted - uncounted) / counted
    print(f"a kept analysis {counted:.2f} ms of CPU, without counting {uncounted:.2f} ms")
    print(f"counting / analysis {share:.3f} (limit {MOST_SHARE}); further transactions {more}")
    few, many = growth()
    print(f"metrics {many:.2f} ms at 10⁶ analyses of 3 years, {few:.2f} ms at 10³ of 100 days")
    print(f"ratio {many / few:.2f} (limit {MOST_GROWTH})")
    sys.exit(share > MOST_SHARE or more != 0 or many / few > MOST_GROWTH)


if __name__ == "__main__":
    main()
