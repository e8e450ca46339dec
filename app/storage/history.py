"""The drawings that were handed in, newest first, a page at a time.

Keyset pagination: a page begins after a place in the order and not after a number of rows, so that
nothing is shown twice or left out while drawings arrive and go.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal, Self

from sqlalchemy import ColumnElement, Row, Select, exists, func, select, tuple_

from app.errors import InvalidRequest
from app.storage.database import Database
from app.storage.tables import Analysis, DemoSample, Drawing

PAGE: Final = 50
LONGEST_CURSOR: Final = 120
PLACE: Final = re.compile(r"([1-9][0-9]{0,15}|0)\.([A-Za-z0-9_-]{1,64})")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

Flag = Literal["yes", "no", "none"]
# A drawing's own answer is its newest.
NEWEST = (
    select(func.max(Analysis.id))
    .where(Analysis.drawing_id == Drawing.id)
    .correlate(Drawing)
    .scalar_subquery()
)
IN_DEMO = exists().where(DemoSample.drawing_id == Drawing.id)
FLAGGED = Analysis.result["flagged"].as_boolean()


@dataclass(frozen=True)
class Place:
    """Where a page ends: the time and the id of its last drawing."""

    created_at: datetime
    id: str

    @property
    def cursor(self) -> str:
        """The place as text for an address."""
        text = f"{(self.created_at - EPOCH) // MICROSECOND}.{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def of(cls, cursor: str) -> Self:
        """Raise ``InvalidRequest`` for what is not the text of a place."""
        found = PLACE.fullmatch(_decoded(cursor))
        place = found and cls(EPOCH + int(found[1]) * MICROSECOND, found[2])
        if place is None or place.cursor != cursor:
            raise InvalidRequest("This page of the list cannot be found; begin with the newest.")
        return place


@dataclass(frozen=True)
class Filter:
    """Which drawings are listed; ``None`` for all.

    ``age`` is a completed year. ``flagged="none"`` are those that were not compared. Both days are
    of UTC, and the drawings of ``last`` are among them.
    """

    age: int | None = None
    category: str | None = None
    flagged: Flag | None = None
    first: date | None = None
    last: date | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What is true of the rows that are wanted."""
        wanted: list[ColumnElement[bool]] = [~IN_DEMO]
        if self.age is not None:
            wanted += [Drawing.age_years >= self.age, Drawing.age_years < self.age + 1]
        if self.category is not None:
            wanted.append(Drawing.category == self.category)
        if self.flagged is not None:
            wanted.append(FLAGGED.is_({"yes": True, "no": False, "none": None}[self.flagged]))
        if self.first is not None:
            wanted.append(Drawing.created_at >= datetime.combine(self.first, time.min, UTC))
        if self.last is not None:
            wanted.append(Drawing.created_at <= datetime.combine(self.last, time.max, UTC))
        return wanted


@dataclass(frozen=True)
class HandedIn:
    """A drawing and its newest answer."""

    id: str
    created_at: datetime
    age_years: float
    category: str | None
    result: dict[str, Any]


@dataclass(frozen=True)
class Page:
    """Some drawings and, if there are older ones, the place where those begin."""

    drawings: tuple[HandedIn, ...]
    next: Place | None


def list_handed_in(
    database: Database, wanted: Filter, after: Place | None = None, size: int = PAGE
) -> Page:
    """The newest drawings that are ``wanted``, or the next ones after a place."""
    with database.reading() as tx:
        rows = tx.execute(statement(wanted, after, size + 1)).all()
    shown = tuple(_handed_in(row) for row in rows[:size])
    more = len(rows) > size
    return Page(shown, Place(shown[-1].created_at, shown[-1].id) if more else None)


def statement(wanted: Filter, after: Place | None, size: int) -> Select[Any]:
    """What the database is asked."""
    columns = Drawing.id, Drawing.created_at, Drawing.age_years, Drawing.category, Analysis.result
    place = tuple_(Drawing.created_at, Drawing.id)
    later = [] if after is None else [place < tuple_(after.created_at, after.id)]
    return (
        select(*columns)
        .join(Analysis, Analysis.id == NEWEST)
        .where(*wanted.conditions(), *later)
        .order_by(Drawing.created_at.desc(), Drawing.id.desc())
        .limit(size)
    )


def _handed_in(row: Row[Any]) -> HandedIn:
    return HandedIn(row.id, row.created_at, row.age_years, row.category, row.result)


def _decoded(cursor: str) -> str:
    """Nothing if it is no text of ours."""
    padded = cursor[:LONGEST_CURSOR] + "=" * (-len(cursor[:LONGEST_CURSOR]) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
