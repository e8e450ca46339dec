"""The scheduled backup on Lambda: an adapter over ``actions.back_up``."""

import os
from pathlib import Path
from typing import Any

from app.actions.back_up import back_up
from app.actions.take_inventory import take_inventory
from app.environment import Settings
from app.telemetry import Metric, make_logger
from app.upkeep import Upkeep

logger = make_logger()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Back up, and say where rows and blobs disagree; what fails is raised, so that alarms see it.

    The schedule may fire twice and Lambda tries again: an unchanged database is only noted.
    """
    upkeep = Upkeep.open(Settings.load(os.environ, Path.cwd()))
    with upkeep.metrics.outcome(
        Metric.BACKUP_SUCCEEDED, Metric.BACKUP_FAILED, Metric.BACKUP_SECONDS
    ):
        made = back_up(
            database=upkeep.database_file, environment=upkeep.environment, blobs=upkeep.blobs
        )
    with upkeep.reading_database() as database:
        inventory = take_inventory(database=database, blobs=upkeep.blobs)
    upkeep.metrics.put(Metric.BLOBS_MISSING, len(inventory.missing))
    report: dict[str, Any] = {
        "backup": str(made.name), "copied": made.copied, "size": made.manifest.plain.size,
        "blobs": inventory.referred, "missing": len(inventory.missing),
        "unreferred": len(inventory.unreferred),
    }  # fmt: skip
    logger.info("backup", **report)
    return report
