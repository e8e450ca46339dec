"""Settings in, working parts out; once per process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from app.actions.analysis import Analysis, Analyzer, BundleReference, OpenedBundle
from app.actions.analyze import BundleAnalyzer
from app.actions.current_bundle import CurrentBundle
from app.actions.health import RecentHealth, check_health
from app.actions.published import open_checked
from app.environment import Settings
from app.errors import Busy
from app.storage.blobs import BlobStore
from app.storage.database import Database
from app.storage.revision import check_schema
from app.storage.spooling import SpoolingBlobStore
from app.stores import open_database, open_folder, open_spooling

MOST_WAITING = 8


@dataclass(frozen=True)
class Services:
    """The parts that the web is made of; what differs between deployments ends here.

    ``spooling`` is ``blobs`` where that is in S3, and ``None`` where nothing ever has to wait.
    """

    database: Database
    blobs: BlobStore
    analyzer: Analyzer
    current: CurrentBundle = field(repr=False)
    keep_uploads: bool
    health: RecentHealth = field(repr=False)
    spooling: SpoolingBlobStore | None = None

    def is_waiting(self, key: str) -> bool:
        """Whether the blob is kept, but not yet where it belongs."""
        return self.spooling is not None and self.spooling.is_waiting(key)

    @property
    def bundle(self) -> BundleReference:
        """The bundle in use now."""
        return self.current.reference

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that have norms now."""
        return self.current.categories


@dataclass(frozen=True)
class OneAtATime:
    """Lets one analysis run at a time.

    A quarter of a CPU makes two at once slower than one after the other, and each needs its own
    hundred megabytes. Few may wait: a waiting request holds a thread of the pool that every page
    needs.
    """

    analyzer: Analyzer
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    places: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(MOST_WAITING + 1), repr=False
    )

    def analyze(self, content: bytes, age_years: float, category: str | None) -> Analysis:
        """Wait for the turn; raise ``Busy`` where too many wait already."""
        with self._place(), self.turn:
            return self.analyzer.analyze(content, age_years, category)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self.places.acquire(blocking=False):
            raise Busy("Many drawings are being analysed just now; please try again in a minute.")
        try:
            yield
        finally:
            self.places.release()


def bootstrap(settings: Settings) -> Services:
    """Open every part; raise ``ConfigurationError`` or ``BundleError`` where one cannot be."""
    return assemble(settings, lambda: BundleAnalyzer(open_checked(settings.bundle_path)))


def assemble(settings: Settings, open_own: Callable[[], OpenedBundle]) -> Services:
    """Put the parts together; ``open_own`` is asked where no good bundle is published."""
    database = open_database(settings)
    with ExitStack() as on_failure:
        on_failure.callback(database.close)
        check_schema(database)
        spooling = open_spooling(settings)
        blobs = spooling or open_folder(settings)
        current = CurrentBundle.start(blobs, settings.bundle_poll_seconds, open_own)
        on_failure.pop_all()
    return Services(
        database=database,
        blobs=blobs,
        analyzer=OneAtATime(current),
        current=current,
        keep_uploads=settings.keep_uploads,
        health=RecentHealth(
            partial(
                check_health,
                database=database,
                blobs=blobs,
                bundle=current,
                spooling=spooling,
            )
        ),
        spooling=spooling,
    )
