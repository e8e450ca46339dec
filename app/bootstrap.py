"""Settings in, working parts out; once per process."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from app.access.admin import Access
from app.access.current_secret import CurrentSecret
from app.access.limits import Attempts
from app.access.logins import Lifetimes
from app.access.secrets import SecretFile, SecretsManager, SecretSource, kept_key
from app.actions.configure import CurrentLevel
from app.actions.health import RecentHealth, check_health
from app.environment import Settings
from app.inference.analysis import Analyzer, BundleReference, OpenedBundle
from app.inference.analyzer import BundleAnalyzer, OneAtATime
from app.publishing.current import CurrentBundle
from app.publishing.published import open_checked
from app.storage.database import Database
from app.storage.schema import Standing, check_schema, find_standing
from app.stores import Stores, lasting_folder, open_blobs, open_database
from app.telemetry import Metrics, Signals
from app.usage.analyses import AnalysisCounter
from app.usage.requests import RequestCounter
from app.usage.visits import Salts

SECRET_FILE, ADDRESS_KEY = "admin-secret.json", "address.key"  # beside the database
NO_ADMIN = "This part of the site only shows and keeps nothing, so there is nothing to log in to."


@dataclass(frozen=True)
class Services:
    """The parts that the web is made of; what differs between deployments ends here.

    Without ``access`` there is no admin's side; ``elsewhere`` says so. ``secure``: visitors come
    by https. A drawing is kept for ``retention_days``. The program can be read at ``source_url``,
    if anywhere.
    """

    stores: Stores
    analyzer: Analyzer
    current: CurrentBundle = field(repr=False)
    keep_uploads: bool
    largest_upload_mb: int
    uploads_per_minute: int
    retention_days: int
    health: RecentHealth = field(repr=False)
    current_level: CurrentLevel = field(repr=False)
    analyses: AnalysisCounter = field(repr=False)
    requests: RequestCounter = field(repr=False)
    access: Access | None = field(default=None, repr=False)
    elsewhere: str = NO_ADMIN
    secure: bool = False
    source_url: str | None = None

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
    read_only = settings.environment.read_only
    access = None if read_only else open_access(settings, stores.database)
    secret = access.secret if access else None
    check = partial(check_health, stores=stores, bundle=current, secret=secret)
    signals = Signals(Metrics(settings.environment.metrics_enabled))
    return Services(
        stores=stores,
        analyzer=OneAtATime(current),
        current=current,
        keep_uploads=settings.keep_uploads,
        largest_upload_mb=settings.largest_upload_mb,
        uploads_per_minute=settings.uploads_per_minute,
        retention_days=settings.retention_days,
        health=RecentHealth(check),
        current_level=CurrentLevel(stores.database),
        analyses=AnalysisCounter(signals),
        requests=_open_requests(settings, stores.database, signals),
        access=access,
        elsewhere=_elsewhere(settings.public_base_url),
        secure=settings.secure,
        source_url=settings.source_url,
    )


def _elsewhere(public_base_url: str | None) -> str:
    if public_base_url is None:
        return NO_ADMIN
    return f"{NO_ADMIN} Log in at {public_base_url.rstrip('/')}/login."


def open_access(settings: Settings, database: Database) -> Access:
    """Who may use the admin's side; raise ``ConfigurationError`` if that cannot be told."""
    metrics = Metrics(settings.environment.metrics_enabled)
    return Access(
        database=database,
        secret=CurrentSecret(open_secret(settings), database, metrics=metrics),
        attempts=Attempts(database, kept_key(lasting_folder(settings) / ADDRESS_KEY)),
        lifetimes=Lifetimes(
            idle=timedelta(minutes=settings.login_idle_minutes),
            whole=timedelta(hours=settings.login_hours),
        ),
    )


def _open_requests(settings: Settings, database: Database, signals: Signals) -> RequestCounter:
    """A copy that is only read counts nothing: the demo door tells CloudWatch alone."""
    if database.read_only:
        return RequestCounter(None, None, signals)
    return RequestCounter(database, Salts(lasting_folder(settings), kept_key), signals)


def open_secret(settings: Settings) -> SecretSource:
    """Where the admin's secret is kept."""
    config = settings.environment
    if config.secret_manager_enabled:
        return SecretsManager.open(settings.admin_secret_name, config.aws_region)
    return SecretFile(lasting_folder(settings) / SECRET_FILE)


def prepare(settings: Settings) -> None:
    """Bring the database to this release's schema; one that is ahead is left as it is.

    Raise ``ConfigurationError`` if this release cannot serve with it. What only a migration needs
    is imported for one alone: it would make every start longer, and take 13 MB from then on.
    """
    with closing(open_database(settings)) as database:
        if find_standing(database) in (Standing.EMPTY, Standing.OLDER):
            from app.actions.migrate import backup_of, migrate

            migrate(database, backup_of(database, open_blobs(settings)))
        check_schema(database)


def seed(services: Services, as_of: datetime | None = None) -> int:
    """Analyse the drawings of the demonstration; the number analysed anew."""
    from app.actions.seed_demo import seed_demo

    return seed_demo(
        analyzer=services.analyzer,
        bundle=services.bundle,
        level=services.current_level.read(),
        database=services.stores.database,
        blobs=services.stores.blobs,
        as_of=as_of,
    )
