"""The scheduled restore drill on Lambda: an adapter over ``backups.drills``."""

import os
from pathlib import Path
from typing import Any

from app.backups.drills import drill
from app.environment import Settings
from app.stores import database_file, open_blobs
from app.telemetry import Metric, Metrics, make_logger

logger = make_logger()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Restore the newest backup and throw it away; what fails is raised, so that alarms see it."""
    settings = Settings.load(os.environ, Path.cwd())
    metrics = Metrics(settings.environment.metrics_enabled)
    with metrics.outcome(Metric.RESTORE_DRILL_SUCCEEDED):
        environment = settings.environment.environment
        database_file(settings)  # of another kind of database there are no backups of ours
        drilled = drill(environment=environment, blobs=open_blobs(settings))
    metrics.put(Metric.BACKUP_AGE_SECONDS, drilled.age_seconds)
    report: dict[str, Any] = {
        "backup": str(drilled.name), "age_seconds": round(drilled.age_seconds),
        "seconds": round(drilled.seconds, 2), "size": drilled.size,
        "revision": drilled.contents.revision, "rows": drilled.contents.rows,
    }  # fmt: skip
    logger.info("restore drill", **report)
    return report
