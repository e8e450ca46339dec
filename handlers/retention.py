"""Scheduled work on Lambda: an adapter over ``background.work``, the same jobs as on Fargate.

Only for where no task runs beside it: exactly one package writes the database.
"""

import os
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from app.background.work import run_due_jobs, work_for
from app.environment import Settings
from app.errors import JobFailed, StorageUnavailable
from app.storage.tables import now
from app.stores import Stores, lasting_folder
from app.usage.counts import day_of
from app.usage.uptime import say
from app.usage.visits import destroy_salts


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Do what is due: retention, and moving what waits in the spool; and destroy yesterday's salt.

    The schedule may fire twice: a job is done once in its slot of time. Where one failed that is
    raised, so that alarms see it; the next call tries it again.
    """
    settings = Settings.load(os.environ, Path.cwd())
    with closing(Stores.open(settings)) as stores:
        with suppress(StorageUnavailable), stores.database.writing() as tx:
            say(tx, up=[now()])  # that the site's package can write
        with suppress(StorageUnavailable):  # which is told by the site, too
            destroy_salts(lasting_folder(settings), but_of=day_of(now()))
        ran = run_due_jobs(work_for(stores, settings))
    if ran.failed:
        raise JobFailed(
            f"{ran.failed} jobs failed; the log and sketchnorm jobs tell why, "
            "and they are tried again."
        )
    return {"done": ran.done, "failed": ran.failed}
