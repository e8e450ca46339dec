"""The scheduled restore drill on Lambda: an adapter over ``actions.restore_drill``."""

import os
from pathlib import Path
from typing import Any

from app.actions.restore_drill import drill
from app.environment import Settings
from app.telemetry import Metric, make_logger
from app.upkeep import Upkeep

logger = make_logger()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Restore the newest backup and throw it away; what fails is raised, so that alarms see it."""
    upkeep = Upkeep.open(Settings.load(os.environ, Path.cwd()))
    with upkeep.metrics.outcome(
        Metric.RESTORE_DRILL_SUCCEEDED, Metric.RESTORE_DRILL_FAILED, Metric.RESTORE_DRILL_SECONDS
    ):
        drilled = drill(environment=upkeep.environment, blobs=upkeep.blobs)
    upkeep.metrics.put(Metric.BACKUP_AGE_SECONDS, drilled.age_seconds)
    report: dict[str, Any] = {
        "backup": str(drilled.name), "age_seconds": round(drilled.age_seconds),
        "seconds": round(drilled.seconds, 2), "size": drilled.size,
        "revision": drilled.contents.revision, "rows": drilled.contents.rows,
    }  # fmt: skip
    logger.info("restore drill", **report)
    return report
