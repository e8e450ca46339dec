"""The process behind ``sketchnorm serve``: settings from the environment, parts made ready."""

import os
from pathlib import Path

from fastapi import FastAPI

from app.actions.migrate import copy_of, migrate
from app.actions.seed_demo import seed_demo
from app.bootstrap import bootstrap
from app.environment import Settings
from app.main import create_app
from app.storage.database import Database
from app.storage.schema import Standing, find_standing
from app.work import Parts
from app.worker import Worker


def prepare(settings: Settings) -> None:
    """Migrate a local database; any other is migrated by its operator, on purpose.

    One that is ahead is left as it is: opening it tells whether this release can serve with it.
    """
    environment = settings.environment
    if environment.environment != "local":
        return
    database = Database.open(environment.database_url, environment.environment)
    try:
        if find_standing(database) in (Standing.EMPTY, Standing.OLDER):
            migrate(database, copy_of(database))
    finally:
        database.close()


def local_app() -> FastAPI:
    """Open everything, seed the demo, and have the background's work done beside the requests."""
    settings = Settings.load(os.environ, Path.cwd())
    services = bootstrap(settings)
    seed_demo(
        analyzer=services.analyzer,
        bundle=services.bundle,
        database=services.database,
        blobs=services.blobs,
    )
    worker = Worker(Parts(settings, services.database, services.blobs).work())
    return create_app(services, worker.beside)
