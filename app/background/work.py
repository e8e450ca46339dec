"""What is done in the background and how often; needs neither the model nor the web.

A thread beside the app asks for it, or a schedule of Lambda.
"""

import logging
import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from app.actions.retain import Retained, retain
from app.environment import Settings
from app.errors import SketchnormError, StorageUnavailable
from app.storage import jobs, tables
from app.storage.blobs.spooling import SpoolingBlobStore
from app.storage.database import Database
from app.storage.jobs import Claim, Recurring
from app.stores import Stores
from app.telemetry import NO_METRICS, Metric, Metrics, correlate

log = logging.getLogger(__name__)

RETENTION = "retention"
DRAIN_SPOOL = "drain_spool"
SEED_DEMO = "seed_demo"
# A drain that was killed is to be begun anew soon, and two at once do no harm.
SCHEDULE = {
    RETENTION: Recurring(RETENTION, timedelta(hours=6)),
    DRAIN_SPOOL: Recurring(DRAIN_SPOOL, timedelta(minutes=5), lease=timedelta(minutes=2)),
    SEED_DEMO: Recurring(SEED_DEMO, timedelta(minutes=10)),
}
UNFORESEEN = "It failed for a reason that nobody foresaw; the log tells."
JobFunction = Callable[[Mapping[str, Any]], object]


@dataclass(frozen=True)
class JobsRun:
    """How many jobs were done, and how many failed and are tried again or were given up."""

    done: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Work:
    """What this process can do, and what is to be done again and again."""

    database: Database
    functions: Mapping[str, JobFunction]
    schedule: Collection[Recurring] = ()
    metrics: Metrics = NO_METRICS
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
    clock: Callable[[], datetime] = tables.now,
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
        work.metrics.put(Metric.JOBS_GIVEN_UP, given_up, kind="killed")
    outcomes: list[bool] = []
    while not stopping():
        claim = jobs.claim(work.database, work.functions.keys(), work.holder, clock(), work.leases)
        if claim is None:
            break
        outcomes.append(copy_context().run(_run, claim, work, clock))
    return JobsRun(done=sum(outcomes), failed=outcomes.count(False) + given_up)


def _run(claim: Claim, work: Work, clock: Callable[[], datetime]) -> bool:
    """True if the job was done; its lines carry the id of the request that asked for it."""
    correlate(claim.correlation_id or f"job-{claim.id}")
    error: str | None = UNFORESEEN
    try:
        work.functions[claim.kind](claim.payload)
        error = None
    except StorageUnavailable as known:
        error = known.advice
    except SketchnormError as known:
        error = str(known)
    finally:
        _settle(claim, error, work, clock())
    return error is None


def _settle(claim: Claim, error: str | None, work: Work, now: datetime) -> None:
    if error is None:
        held = jobs.finish(work.database, claim, now)
    else:
        log.error("Job %d (%s), attempt %d: %s", claim.id, claim.kind, claim.attempt, error)
        held = jobs.fail(work.database, claim, error, now)
        if held and claim.is_last:
            work.metrics.put(Metric.JOBS_GIVEN_UP, kind=claim.kind)
    if not held:
        log.warning("Job %d (%s) took longer than its lease.", claim.id, claim.kind)


def work_for(
    stores: Stores, settings: Settings, others: Mapping[str, JobFunction] = MappingProxyType({})
) -> Work:
    """What can be done with these stores, and when it is due.

    ``others`` are of the kinds in ``SCHEDULE`` that need more than the stores, such as the model.
    """
    functions: dict[str, JobFunction] = {
        RETENTION: lambda payload: retain_now(stores, settings),
        **others,
    }
    spooling, metrics = stores.spooling, Metrics(settings.environment.metrics_enabled)
    if spooling is not None:
        functions[DRAIN_SPOOL] = lambda payload: _drain(spooling, metrics)
    schedule = [SCHEDULE[kind] for kind in functions]
    return Work(stores.database, functions, schedule, metrics)


def retain_now(stores: Stores, settings: Settings, *, however_many: bool = False) -> Retained:
    """Remove what was kept for long enough, even if most files have no row: ``however_many``."""
    return retain(
        database=stores.database,
        blobs=stores.blobs,
        days=settings.retention_days,
        now=tables.now(),
        however_many=however_many,
    )


def _drain(store: SpoolingBlobStore, metrics: Metrics) -> None:
    """Move what waits; count for alarms what still does, and what was refused."""
    drained = store.drain()
    metrics.put(Metric.SPOOL_WAITING, drained.left)
    metrics.put(Metric.SPOOL_REFUSED, drained.refused)
