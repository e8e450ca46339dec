"""Scheduled work on Lambda: an adapter over ``actions.run_jobs``, the same jobs as on Fargate.

Only for where no task runs beside it: exactly one package writes the database.
"""

import os
from pathlib import Path
from typing import Any

from app.actions.run_jobs import run_due_jobs
from app.environment import Settings
from app.errors import JobFailed
from app.work import open_parts


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Do what is due: retention, and moving what waits in the spool.

    The schedule may fire twice: a job is done once in its slot of time. Where one failed that is
    raised, so that alarms see it; the next call tries it again.
    """
    with open_parts(Settings.load(os.environ, Path.cwd())) as parts:
        ran = run_due_jobs(parts.work())
    if ran.failed:
        raise JobFailed(
            f"{ran.failed} jobs failed; the log and sketchnorm jobs tell why, "
            "and they are tried again."
        )
    return {"done": ran.done, "failed": ran.failed}
