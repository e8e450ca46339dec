"""Whether the site was up, five minutes by five, as its processes said themselves.

Nobody writes down that nobody is there. So time without a word is unknown: it counts neither as up
nor as down, and is told beside the percentage.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.storage.tables import UsageHour
from app.usage.counts import hour_of

SLOT = timedelta(minutes=5)
WINDOW = timedelta(days=30)


@dataclass(frozen=True)
class Uptime:
    """How many slots of the last 30 days there were of each kind."""

    up: int
    down: int
    unknown: int

    @property
    def percentage(self) -> float | None:
        """Of the time that is known; ``None`` if none is."""
        known = self.up + self.down
        return 100 * self.up / known if known else None


def slot_of(at: datetime) -> datetime:
    """The beginning of its five minutes."""
    return hour_of(at) + SLOT * (at.astimezone(UTC).minute // 5)


def say(tx: Session, up: Collection[datetime], down: Collection[datetime] = ()) -> None:
    """Write down that a process served in the slots of ``up``, or could not in those of ``down``.

    Where one process served, others do not matter.
    """
    bits: dict[datetime, Counter[str]] = {}
    for name, slots in (("up", up), ("down", down)):
        for slot in set(map(slot_of, slots)):
            bits.setdefault(hour_of(slot), Counter())[name] |= 1 << (slot.minute // 5)
    for hour, said in bits.items():
        _add_bits(tx, hour, said["up"], said["down"])


def _add_bits(tx: Session, hour: datetime, up: int, down: int) -> None:
    both = {"up": UsageHour.up.bitwise_or(up), "down": UsageHour.down.bitwise_or(down)}
    more = update(UsageHour).where(UsageHour.hour == hour).values(both)
    if cast(CursorResult[Any], tx.execute(more)).rowcount:
        return
    try:
        with tx.begin_nested():
            tx.execute(insert(UsageHour).values(hour=hour, up=up, down=down))
    except IntegrityError:  # another writer made it meanwhile, on a database that lets two write
        tx.execute(more)


def read_uptime(tx: Session, now: datetime) -> Uptime:
    """Of whole hours, the present one up to now."""
    first = hour_of(now - WINDOW)
    hours = select(UsageHour.up, UsageHour.down).where(
        UsageHour.hour >= first, UsageHour.hour <= hour_of(now)
    )
    rows = tx.execute(hours).all()
    up = sum(row.up.bit_count() for row in rows)
    down = sum((row.down & ~row.up).bit_count() for row in rows)
    slots = (slot_of(now) - first) // SLOT + 1
    return Uptime(up, down, max(0, slots - up - down))
