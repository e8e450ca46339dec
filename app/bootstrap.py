"""Settings in, working parts out; once per process."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from app.actions.analyze import Analysis, Analyzer, BundleAnalyzer, BundleReference
from app.actions.health import RecentHealth, check_health
from app.environment import Settings
from app.errors import Busy, ConfigurationError
from app.storage.blobs import BlobStore, FolderBlobStore
from app.storage.database import Database
from app.storage.schema import check_schema

MOST_WAITING = 8


class OpenedBundle(Analyzer, Protocol):
    """An analyzer that says what it was opened from and which categories its norms name."""

    @property
    def reference(self) -> BundleReference: ...

    @property
    def categories(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Services:
    """The parts that the web is made of; what differs between deployments ends here."""

    database: Database
    blobs: BlobStore
    analyzer: Analyzer
    bundle: BundleReference
    categories: tuple[str, ...]
    keep_uploads: bool
    health: RecentHealth = field(repr=False)


@dataclass(frozen=True)
class OneAtATime:
    """Lets one analysis run at a time.

    A quarter of a CPU makes two at once slower than one after the other, and each needs its own
    hundred megabytes. Few may wait: a waiting request holds a thread of the pool that
    ``/livez`` needs too, and a task that cannot answer there is killed.
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
    return assemble(settings, BundleAnalyzer.open(settings.bundle_path))


def assemble(settings: Settings, bundle: OpenedBundle) -> Services:
    """Put the parts together around a bundle that is open already."""
    config = settings.environment
    if config.storage_backend == "s3":
        raise ConfigurationError(
            "STORAGE_BACKEND is s3, but this release stores in a folder only; "
            "set STORAGE_BACKEND=local."
        )
    database = Database.open(config.database_url, config.environment)
    with ExitStack() as on_failure:
        on_failure.callback(database.close)
        check_schema(database)
        blobs = FolderBlobStore(settings.data_dir / "blobs", config.environment)
        on_failure.pop_all()
    reference = bundle.reference
    return Services(
        database=database,
        blobs=blobs,
        analyzer=OneAtATime(bundle),
        bundle=reference,
        categories=bundle.categories,
        keep_uploads=settings.keep_uploads,
        health=RecentHealth(
            partial(check_health, database=database, blobs=blobs, bundle=reference)
        ),
    )
