"""From settings to an application that answers; what every entry point begins with.

What only a database of one's own needs is imported late: it would make every cold start longer.
"""

from fastapi import FastAPI

from app.bootstrap import Services, bootstrap
from app.environment import Settings
from app.main import create_app
from app.storage.database import Database


def open_app(settings: Settings) -> FastAPI:
    """Open everything; a database of one's own is migrated and seeded first."""
    if settings.makes_its_own_database:
        migrate(settings)
    services = bootstrap(settings)
    if settings.makes_its_own_database:
        seed(services)
    return create_app(services)


def migrate(settings: Settings) -> None:
    """Bring the database to this release's schema."""
    from app.storage import schema

    environment = settings.environment
    database = Database.open(environment.database_url, environment.environment)
    try:
        schema.migrate(database)
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
