"""Look up what is kept: one drawing with its newest answer, its files, and the demo."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.storage import tables
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.stores import Stores


@dataclass(frozen=True)
class ShownDrawing:
    """A kept drawing and the newest answer about it, in the form that the API gives out.

    ``in_demo``: it is an example, shown to everybody and deleted by nobody.
    """

    id: str
    created_at: datetime
    age_years: float
    category: str | None
    picture_key: str
    picture_type: str
    map_key: str | None
    result: dict[str, Any]
    in_demo: bool

    @classmethod
    def of(cls, drawing: tables.Drawing, *, in_demo: bool) -> Self:
        """Read the row while its transaction is open."""
        newest = drawing.analyses[-1]
        return cls(
            id=drawing.id,
            created_at=drawing.created_at,
            age_years=drawing.age_years,
            category=drawing.category,
            picture_key=drawing.picture_key,
            picture_type=drawing.picture_type,
            map_key=newest.map_key,
            result=newest.result,
            in_demo=in_demo,
        )

    def waits(self, stores: Stores) -> bool:
        """Whether a file of the drawing has still to be moved to S3."""
        keys = (self.picture_key, self.map_key)
        return any(stores.is_waiting(key) for key in keys if key is not None)


@dataclass(frozen=True)
class ShownSample:
    """One drawing of the demo."""

    slug: str
    title: str
    description: str
    drawing: ShownDrawing


@dataclass(frozen=True)
class ShownFile:
    """The bytes of a kept file and what they are; ``in_demo``: everyone sees it."""

    content: bytes
    media_type: str
    in_demo: bool


def show(drawing_id: str, *, database: Database) -> ShownDrawing:
    """Raise ``NotFound`` if there is no such drawing."""
    with database.reading() as tx:
        drawing = tx.get(tables.Drawing, drawing_id)
        if drawing is None:
            raise NotFound(
                "There is no drawing at this link: it was never kept, was deleted, or its time "
                "here is over."
            )
        return ShownDrawing.of(drawing, in_demo=_is_in_demo(tx, drawing_id))


def show_picture(drawing_id: str, *, database: Database, blobs: BlobStore) -> ShownFile:
    """The picture as it was kept: upright, without metadata."""
    drawing = show(drawing_id, database=database)
    return ShownFile(blobs.get(drawing.picture_key), drawing.picture_type, drawing.in_demo)


def show_map(drawing_id: str, *, database: Database, blobs: BlobStore) -> ShownFile:
    """Raise ``NotFound`` if the drawing has no saliency map."""
    drawing = show(drawing_id, database=database)
    if drawing.map_key is None:
        raise NotFound("There is no map for this drawing, because none could be made.")
    return ShownFile(blobs.get(drawing.map_key), "image/png", drawing.in_demo)


def show_demo(*, database: Database) -> tuple[ShownSample, ...]:
    """The demo drawings in their order; none if the demo was not seeded."""
    with database.reading() as tx:
        samples = tx.scalars(select(tables.DemoSample).order_by(tables.DemoSample.position))
        return tuple(
            ShownSample(
                row.slug, row.title, row.description, ShownDrawing.of(row.drawing, in_demo=True)
            )
            for row in samples
        )


def _is_in_demo(tx: Session, drawing_id: str) -> bool:
    samples = select(tables.DemoSample.slug).where(tables.DemoSample.drawing_id == drawing_id)
    return tx.scalars(samples).first() is not None
