"""Do the work that is due: for the thread beside the app, and for a schedule."""

import logging
import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.errors import SketchnormError, StorageUnavailable
from app.storage import jobs
from app.storage.database import Database
from app.storage.jobs import Claim, Recurring
from app.storage.tables import now as present

log = logging.getLogger(__name__)

Handler = Callable[[Mapping[str, Any]], object]
UNFORESEEN = "It failed for a reason that nobody foresaw; the log tells."


@dataclass(frozen=True)
class JobsRun:
    """How many jobs were done, and how many failed and are tried again or were given up."""

    done: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Work:
    """What this process can do, and what is to be done again and again."""

    database: Database
    handlers: Mapping[str, Handler]
    schedule: Collection[Recurring] = ()
    holder: str = field(
        default_factory=lambda: f"{socket.gethostname()[:40]}-{secrets.token_hex(8)}"
    )

    @property
    def leases(self) -> dict[str, timedelta]:
        """How long each kind may take before somebody else begins it anew."""
        return {one.kind: one.lease for one in self.schedule}


def run_due_jobs(
    work: Work,
    *,
    clock: Callable[[], datetime] = present,
    stopping: Callable[[], bool] = lambda: False,
) -> JobsRun:
    """Run one job after the other until none is due or it is ``stopping``.

    A job's own error is kept with it and the next one runs. One that nobody foresaw is kept too,
    and raised: it says that the program is wrong, and the log must show where.
    """
    jobs.enqueue_recurring(work.database, work.schedule, clock())
    given_up = jobs.give_up_killed(work.database, clock())
    if given_up:
        log.error("%d jobs were given up: no attempt at them ever ended.", given_up)
    outcomes: list[bool] = []
    while not stopping():
        claim = jobs.claim(work.database, work.handlers.keys(), work.holder, clock(), work.leases)
        if claim is None:
            break
        outcomes.append(_run(claim, work, clock))
    return JobsRun(done=sum(outcomes), failed=outcomes.count(False) + given_up)


def _run(claim: Claim, work: Work, clock: Callable[[], datetime]) -> bool:
    """Whether it was done."""
    error: str | None = UNFORESEEN
    try:
        work.handlers[claim.kind](claim.payload)
        error = None
    except StorageUnavailable as known:
        error = known.advice
    except SketchnormError as known:
        error = str(known)
    finally:
        _settle(claim, error, work.database, clock())
    return error is None


def _settle(claim: Claim, error: str | None, database: Database, now: datetime) -> None:
    if error is None:
        held = jobs.finish(database, claim, now)
    else:
        log.error("Job %d (%s), attempt %d: %s", claim.id, claim.kind, claim.attempt, error)
        held = jobs.fail(database, claim, error, now)
    if not held:
        log.warning("Job %d (%s) took longer than its lease.", claim.id, claim.kind)
