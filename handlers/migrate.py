"""Migration on Lambda: an adapter over ``actions.migrate``, invoked by a deployment.

Only for where Lambda is the sole writer; beside Fargate a one-off task of the new image does it.
"""

import os
from pathlib import Path
from typing import Any

from app.actions.migrate import copy_of, migrate
from app.environment import Settings
from app.stores import open_database
from app.telemetry import make_logger

logger = make_logger()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Bring the database to this release's schema; a checked copy is made beside it first."""
    database = open_database(Settings.load(os.environ, Path.cwd()))
    try:
        done = migrate(database, copy_of(database))
    finally:
        database.close()
    report: dict[str, Any] = {"before": done.before, "after": done.after}
    logger.info("migration", **report)
    return report
