"""From settings to an application that answers; what every entry point begins with.

What only a database of one's own needs is imported late: it would make every cold start longer.
"""

from fastapi import FastAPI

from app.bootstrap import Services, bootstrap
from app.environment import Settings
from app.main import create_app
from app.storage.revision import Standing, check_schema, find_standing
from app.stores import open_blobs, open_database
from app.work import Parts
from app.worker import Worker


def open_app(settings: Settings) -> FastAPI:
    """Open everything; a database of one's own is migrated and seeded first.

    A server that runs the application's lifespan has the background's work done beside the
    requests; Lambda, which runs none, has a function of its own for it.
    """
    if settings.makes_its_own_database:
        prepare(settings)
    services = bootstrap(settings)
    if settings.makes_its_own_database:
        seed(services)
    if settings.environment.read_only:
        return create_app(services, public_prefix=settings.public_prefix)
    worker = Worker(Parts(settings, services.database, services.blobs).work())
    return create_app(services, worker.beside, settings.public_prefix)


def prepare(settings: Settings) -> None:
    """Bring the database to this release's schema.

    One that is ahead is left as it is; raise ``ConfigurationError`` where this release cannot serve
    with it.
    """
    from app.actions.migrate import backup_of, migrate

    database = open_database(settings)
    try:
        if find_standing(database) in (Standing.EMPTY, Standing.OLDER):
            migrate(database, backup_of(database, open_blobs(settings)))
        check_schema(database)
    finally:
        database.close()


def seed(services: Services) -> int:
    """How many drawings of the demonstration were analysed anew."""
    from app.actions.seed_demo import seed_demo

    return seed_demo(
        analyzer=services.analyzer,
        bundle=services.bundle,
        database=services.database,
        blobs=services.blobs,
    )
