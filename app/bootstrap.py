"""Settings in, working parts out; once per process."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial

from app.actions.health import RecentHealth, check_health
from app.environment import Settings
from app.inference.analysis import Analyzer, BundleReference, OpenedBundle
from app.inference.analyzer import BundleAnalyzer, OneAtATime
from app.publishing.current import CurrentBundle
from app.publishing.published import open_checked
from app.scoring.assessment import LEVEL
from app.storage.schema import Standing, check_schema, find_standing
from app.stores import Stores, open_blobs, open_database


@dataclass(frozen=True)
class Services:
    """The parts that the web is made of; what differs between deployments ends here."""

    stores: Stores
    analyzer: Analyzer
    current: CurrentBundle = field(repr=False)
    keep_uploads: bool
    largest_upload_mb: int
    health: RecentHealth = field(repr=False)
    level: float = LEVEL

    @property
    def bundle(self) -> BundleReference:
        """The bundle in use now."""
        return self.current.reference

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that have norms now."""
        return self.current.categories


def bootstrap(settings: Settings) -> Services:
    """Open every part; raise ``ConfigurationError`` or ``BundleError`` if one cannot be."""
    return assemble(settings, lambda: BundleAnalyzer(open_checked(settings.bundle_path)))


def assemble(settings: Settings, open_own: Callable[[], OpenedBundle]) -> Services:
    """Put the parts together; ``open_own`` is asked if no good bundle is published."""
    stores = Stores.open(settings)
    with ExitStack() as on_failure:
        on_failure.callback(stores.close)
        current = CurrentBundle.start(stores.blobs, settings.bundle_poll_seconds, open_own)
        on_failure.pop_all()
    return Services(
        stores=stores,
        analyzer=OneAtATime(current),
        current=current,
        keep_uploads=settings.keep_uploads,
        largest_upload_mb=settings.largest_upload_mb,
        health=RecentHealth(partial(check_health, stores=stores, bundle=current)),
    )


def prepare(settings: Settings) -> None:
    """Bring the database to this release's schema; one that is ahead is left as it is.

    Raise ``ConfigurationError`` if this release cannot serve with it. What only this needs is
    imported here: it would make every cold start longer.
    """
    from app.actions.migrate import backup_of, migrate

    with closing(open_database(settings)) as database:
        if find_standing(database) in (Standing.EMPTY, Standing.OLDER):
            migrate(database, backup_of(database, open_blobs(settings)))
        check_schema(database)


def seed(services: Services) -> int:
    """Analyse the drawings of the demonstration; the number analysed anew."""
    from app.actions.seed_demo import seed_demo

    return seed_demo(
        analyzer=services.analyzer,
        bundle=services.bundle,
        database=services.stores.database,
        blobs=services.stores.blobs,
    )
