"""The jobs in the table: asked for once, done under a lease, retried later when they fail.

A job whose lease ran out is free for anyone: its holder was killed, or is slow and does the work
twice. Each kind of job must allow for that.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.storage.database import Database
from app.storage.tables import Job
from app.telemetry import current_correlation_id

LEASE = timedelta(minutes=15)  # as long as a function may run on Lambda
MOST_ATTEMPTS = 10
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=5)
LONGEST_ERROR = 1000
NEVER_ENDED = "Its worker was killed, or took longer than its lease."


@dataclass(frozen=True)
class Claim:
    """A leased job; ``attempt`` tells leases of one holder apart."""

    id: int
    kind: str
    holder: str
    attempt: int
    payload: dict[str, Any] = field(repr=False)
    correlation_id: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether the job is given up if this attempt fails."""
        return self.attempt >= MOST_ATTEMPTS


@dataclass(frozen=True)
class Recurring:
    """Work of a kind that is due once in every slot of time, however many workers ask for it."""

    kind: str
    every: timedelta
    lease: timedelta = LEASE

    def unique_key(self, now: datetime) -> str:
        """The same for the whole slot that ``now`` lies in."""
        return f"{self.kind}@{int(now.timestamp() // self.every.total_seconds())}"


def enqueue(
    database: Database,
    kind: str,
    unique_key: str,
    now: datetime,
    payload: dict[str, Any] | None = None,
) -> bool:
    """Add a job; false, and nothing happens, if ``unique_key`` was used before."""
    job = Job(
        kind=kind, unique_key=unique_key, payload=payload or {}, created_at=now, run_after=now,
        correlation_id=current_correlation_id(),
    )  # fmt: skip
    try:
        with database.writing() as tx:
            if tx.scalar(select(Job.id).where(Job.unique_key == unique_key)) is not None:
                return False
            tx.add(job)
    except IntegrityError:
        return False  # another writer was faster, on a database that does not make writers wait
    return True


def enqueue_recurring(database: Database, schedule: Collection[Recurring], now: datetime) -> int:
    """Add what is due; the number added, none while an earlier job of the kind is to be done."""
    # Mostly there is nothing to add: reading first leaves the writers alone.
    with database.reading() as tx:
        keys = [one.unique_key(now) for one in schedule]
        known = set(tx.scalars(select(Job.unique_key).where(Job.unique_key.in_(keys))))
        waiting = set(tx.scalars(select(Job.kind).where(Job.finished_at.is_(None))))
    wanted = [one for one in schedule if one.kind not in waiting]
    missing = [one for one in wanted if one.unique_key(now) not in known]
    return sum(enqueue(database, one.kind, one.unique_key(now), now) for one in missing)


def claim(
    database: Database,
    kinds: Collection[str],
    holder: str,
    now: datetime,
    leases: Mapping[str, timedelta] = MappingProxyType({}),
) -> Claim | None:
    """Lease the job that is due longest, of those kinds that the holder can do.

    For as long as ``leases`` says for its kind, otherwise for ``LEASE``.
    """
    due = select(Job).where(_is_due(now), Job.kind.in_(kinds)).order_by(Job.run_after, Job.id)
    with database.reading() as tx:
        if tx.scalar(due.with_only_columns(Job.id).limit(1)) is None:
            return None
    with database.writing() as tx:
        # On SQLite the transaction has the lock already; elsewhere it is the row that is locked.
        job = tx.scalar(due.limit(1).with_for_update(skip_locked=True))
        if job is None:
            return None
        job.attempts += 1
        job.lease_holder, job.leased_until = holder, now + leases.get(job.kind, LEASE)
        return Claim(job.id, job.kind, holder, job.attempts, job.payload, job.correlation_id)


def finish(database: Database, claim: Claim, now: datetime) -> bool:
    """Note that the job is done; ``False`` if the lease went to somebody else meanwhile."""
    return _settle(database, claim, last_error=None, finished_at=now)


def fail(database: Database, claim: Claim, error: str, now: datetime) -> bool:
    """Have it tried again after a pause, or give it up after ``MOST_ATTEMPTS``; as ``finish``."""
    return _settle(
        database,
        claim,
        last_error=error[:LONGEST_ERROR],
        run_after=now + pause_after(claim.attempt),
        finished_at=now if claim.is_last else None,
    )


def give_up_killed(database: Database, now: datetime) -> int:
    """Give up jobs whose every attempt ended with the worker: one of them may be what kills it."""
    hopeless = and_(_is_due(now, most=None), Job.attempts >= MOST_ATTEMPTS)
    with database.reading() as tx:
        ids = tx.scalars(select(Job.id).where(hopeless)).all()
    if not ids:
        return 0
    with database.writing() as tx:
        values = {"last_error": NEVER_ENDED, "finished_at": now, "leased_until": None}
        tx.execute(update(Job).where(Job.id.in_(ids), hopeless).values(values))
    return len(ids)


def list_open(database: Database) -> Sequence[Job]:
    """The jobs that wait, run or were given up; those that were done are left out."""
    wanted = or_(Job.finished_at.is_(None), Job.last_error.is_not(None))
    with database.reading() as tx:
        return tx.scalars(select(Job).where(wanted).order_by(Job.run_after, Job.id)).all()


def list_given_up(database: Database) -> Sequence[Job]:
    """Those that no later job of their kind has made good."""
    ended = select(func.max(Job.id)).where(Job.finished_at.is_not(None)).group_by(Job.kind)
    with database.reading() as tx:
        given_up = select(Job).where(Job.id.in_(ended), Job.last_error.is_not(None))
        return tx.scalars(given_up.order_by(Job.kind)).all()


def last_asked_at(database: Database) -> datetime | None:
    """When work was last asked for, which its workers do themselves; ``None`` before the first."""
    with database.reading() as tx:
        return tx.scalar(select(func.max(Job.created_at)))


def forget_finished(database: Database, before: datetime, most: int) -> int:
    """Delete jobs that were finished before then, ``most`` at a time; the number deleted."""
    with database.writing() as tx:
        old = select(Job.id).where(Job.finished_at < before).limit(most)
        ids = tx.scalars(old).all()
        tx.execute(delete(Job).where(Job.id.in_(ids)))
    return len(ids)


def pause_after(attempt: int) -> timedelta:
    """Twice as long each time, up to ``LONGEST_PAUSE``."""
    doublings = min(attempt - 1, MOST_ATTEMPTS)
    return min(timedelta(seconds=FIRST_PAUSE.total_seconds() * 2**doublings), LONGEST_PAUSE)


def _is_due(now: datetime, most: int | None = MOST_ATTEMPTS) -> ColumnElement[bool]:
    free = or_(Job.leased_until.is_(None), Job.leased_until <= now)
    due = and_(Job.finished_at.is_(None), Job.run_after <= now, free)
    return due if most is None else and_(due, Job.attempts < most)


def _settle(database: Database, claim: Claim, **values: object) -> bool:
    held = and_(
        Job.id == claim.id,
        Job.lease_holder == claim.holder,
        Job.attempts == claim.attempt,
        Job.finished_at.is_(None),
    )
    with database.writing() as tx:
        changed = tx.execute(
            update(Job).where(held).values(leased_until=None, lease_holder=None, **values)
            .returning(Job.id)
        )  # fmt: skip
        return changed.first() is not None
