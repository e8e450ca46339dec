"""The process behind ``sketchnorm serve``: settings from the environment, parts made ready."""

import os
from pathlib import Path

from fastapi import FastAPI

from app.actions.seed_demo import seed_demo
from app.bootstrap import bootstrap
from app.environment import Settings
from app.main import create_app
from app.storage import schema
from app.storage.database import Database


def prepare(settings: Settings) -> None:
    """Migrate a local database; any other is migrated by its operator, on purpose."""
    environment = settings.environment
    if environment.environment != "local" or settings.database_read_only:
        return
    database = Database.open(
        environment.database_url, environment.environment, settings.database_journal
    )
    try:
        schema.migrate(database)
    finally:
        database.close()


def local_app() -> FastAPI:
    """Open everything and seed the demo, unless it is a copy that was seeded before."""
    services = bootstrap(Settings.load(os.environ, Path.cwd()))
    if not services.database.read_only:
        seed_demo(
            analyzer=services.analyzer,
            bundle=services.bundle,
            database=services.database,
            blobs=services.blobs,
        )
    return create_app(services)
