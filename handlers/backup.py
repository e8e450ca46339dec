"""The scheduled backup on Lambda: an adapter over ``backups.back_up``."""

import os
from pathlib import Path
from typing import Any

from app.actions.take_inventory import take_inventory
from app.backups.back_up import back_up
from app.environment import Settings
from app.errors import SketchnormError
from app.stores import Stores, database_file
from app.telemetry import Metric, Metrics, make_logger

logger = make_logger()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Back up, and report where rows and blobs disagree; a failed backup is raised, for alarms.

    The schedule may fire twice and Lambda tries again: an unchanged database is only noted.
    """
    settings = Settings.load(os.environ, Path.cwd())
    metrics = Metrics(settings.environment.metrics_enabled)
    with metrics.outcome(Metric.BACKUP_SUCCEEDED):
        file, stores = database_file(settings), Stores.open_read_only(settings)
        environment = stores.database.environment
        made = back_up(file=file, environment=environment, blobs=stores.blobs)
    size = made.manifest.plain.size
    report: dict[str, Any] = {"backup": str(made.name), "copied": made.copied, "size": size}
    try:
        found = take_inventory(database=stores.database, blobs=stores.blobs)
    except SketchnormError:  # not raised: Lambda would make the whole backup again
        logger.exception("The backup is made, but rows and blobs could not be compared.")
    else:
        missing, unreferred = len(found.missing), len(found.unreferred)
        metrics.put(Metric.BLOBS_MISSING, missing)
        report |= {"blobs": found.referred, "missing": missing, "unreferred": unreferred}
    logger.info("backup", **report)
    return report
