"""How backups are named in the store, and which of them have had their time.

``backups/YYYY/MM/DD/HHMMSS.ffffffZ-<digest>`` and, after a dot, what it is: the copy itself, its
manifest, or a note that the database was found unchanged. The manifest is written last and
deleted first: without one there is no backup. The time is the end of the copy, so that a backup
never holds what was written after the time in its name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

RECENT = timedelta(days=35)
ARCHIVED = timedelta(days=397)  # 13 months, however long they are
# An upload that takes longer was given up.
UNFINISHED = timedelta(days=1)
DIGEST_LENGTH = 12
FORMAT = "backups/%Y/%m/%d/%H%M%S.%fZ"
KEY = re.compile(
    r"(?P<time>backups/\d{4}/\d\d/\d\d/\d{6}\.\d{6}Z)-(?P<digest>[0-9a-f]{12})\.(?P<part>.+)"
)


class Part(StrEnum):
    """What lies at a key."""

    COPY = "sqlite3.gz"
    MANIFEST = "json"
    NOTE = "unchanged.json"


@dataclass(frozen=True, order=True)
class BackupName:
    """When the copy was made, and the beginning of the digest of what it holds."""

    made_at: datetime
    digest: str

    def __str__(self) -> str:
        return f"{self.made_at:{FORMAT}}-{self.digest}"

    def key(self, part: Part) -> str:
        """Where that part lies in the store."""
        return f"{self}.{part}"

    def same_month(self, other: Self) -> bool:
        """Whether both were made in one month of UTC."""
        return _month(self) == _month(other)


def parse(key: str) -> tuple[BackupName, Part] | None:
    """``None`` for a key that is not ours to judge."""
    found = KEY.fullmatch(key)
    if found is None or found["part"] not in set(Part):
        return None
    try:
        made_at = datetime.strptime(found["time"], FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return BackupName(made_at, found["digest"]), Part(found["part"])


def of_kind(keys: Iterable[str], kind: Part) -> tuple[BackupName, ...]:
    """The names that have such a part, oldest first; those with a manifest are the backups."""
    parsed = filter(None, map(parse, keys))
    return tuple(sorted(name for name, part in parsed if part == kind))


def expired(keys: Iterable[str], now: datetime) -> tuple[str, ...]:
    """What may be deleted, in an order in which one may be killed after each.

    Kept are the backups of 35 days, the newest one before them (an unchanged database is not
    copied again, and every moment of the 35 days shall be restorable) and, for 13 months, the
    first of each month. So the newest backup of all is never among the expired.
    """
    keys = tuple(keys)
    made = of_kind(keys, Part.MANIFEST)
    kept = _kept(made, now)
    copies = of_kind(keys, Part.COPY)
    unfinished = {name for name in copies if name not in made and name.made_at < now - UNFINISHED}
    gone = [name for name in made if name not in kept]
    return (
        *(name.key(Part.MANIFEST) for name in gone),
        *(name.key(Part.COPY) for name in copies if name in unfinished or name in gone),
        *(name.key(Part.NOTE) for name in of_kind(keys, Part.NOTE) if name.made_at < now - RECENT),
    )


def _kept(made: tuple[BackupName, ...], now: datetime) -> set[BackupName]:
    older = [name for name in made if name.made_at < now - RECENT]
    recent = [name for name in made if name.made_at >= now - RECENT]
    return {*recent, *older[-1:], *_first_of_months(made, now)}


def _first_of_months(made: tuple[BackupName, ...], now: datetime) -> set[BackupName]:
    first = {_month(name): name for name in reversed(made)}
    return {name for name in first.values() if name.made_at >= now - ARCHIVED}


def _month(name: BackupName) -> tuple[int, int]:
    return name.made_at.year, name.made_at.month
