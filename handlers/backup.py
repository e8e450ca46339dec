"""The scheduled backup on Lambda: an adapter over ``actions.back_up``."""

import os
from pathlib import Path
from typing import Any

from app.actions.back_up import back_up
from app.environment import Settings
from app.errors import SketchnormError
from app.telemetry import Metric, make_logger
from app.upkeep import Upkeep

logger = make_logger()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Back up, and say where rows and blobs disagree; a backup that fails is raised, for alarms.

    The schedule may fire twice and Lambda tries again: an unchanged database is only noted.
    """
    upkeep = Upkeep.open(Settings.load(os.environ, Path.cwd()))
    metrics = Metric.BACKUP_SUCCEEDED, Metric.BACKUP_FAILED, Metric.BACKUP_SECONDS
    with upkeep.metrics.outcome(*metrics):
        made = back_up(
            database=upkeep.database_file, environment=upkeep.environment, blobs=upkeep.blobs
        )
    size = made.manifest.plain.size
    report: dict[str, Any] = {"backup": str(made.name), "copied": made.copied, "size": size}
    try:
        found = upkeep.take_inventory()
    except SketchnormError:  # not raised: Lambda would make the whole backup again
        logger.exception("The backup is made, but rows and blobs could not be compared.")
    else:
        missing, unreferred = len(found.missing), len(found.unreferred)
        upkeep.metrics.put(Metric.BLOBS_MISSING, missing)
        report |= {"blobs": found.referred, "missing": missing, "unreferred": unreferred}
    logger.info("backup", **report)
    return report
