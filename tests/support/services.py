"""The parts of a whole server, with a made-up bundle."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from app.bootstrap import Services, assemble
from app.environment import Settings
from app.storage.database import Database
from app.storage.schema import migrate
from tests.support.analyzers import FakeAnalyzer
from tests.support.s3_server import BUCKET, REGION


@contextmanager
def open_services(settings: Settings, analyzer: FakeAnalyzer) -> Iterator[Services]:
    """Migrated, opened and closed again."""
    config = settings.environment
    database = Database.open(config.database_url, config.environment)
    migrate(database)
    database.close()
    services = assemble(settings, lambda: analyzer)
    try:
        yield services
    finally:
        services.database.close()


def in_s3(settings: Settings) -> Settings:
    """The same, with files kept in the bucket of the tests."""
    environment = replace(
        settings.environment, storage_backend="s3", s3_bucket_name=BUCKET, aws_region=REGION
    )
    return replace(settings, environment=environment)
