"""Put the demo drawings through the real analyzer and keep them, once for each bundle."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.actions.submit import Submission, add_rows, filed, plan_keeping
from app.errors import InvalidAge, UnusableDrawing, UnusableSample
from app.inference.analysis import Analyzer, BundleReference
from app.publishing.samples import Sample, leave_out, made_samples, supplied_samples
from app.scoring.assessment import LEVEL
from app.storage import removals, tables
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.storage.tables import now

UNUSABLE = (UnusableSample, UnusableDrawing, InvalidAge)


def seed_demo(
    *,
    analyzer: Analyzer,
    bundle: BundleReference,
    database: Database,
    blobs: BlobStore,
    level: float = LEVEL,
    as_of: datetime | None = None,
) -> int:
    """Analyse the samples; the number analysed, none if this bundle has seen them all.

    The operator's are shown, and those of a program only if none of them can be. What is shown no
    longer is removed. With ``as_of`` a new database becomes the same file whenever it is seeded:
    all is said to have happened then and to have taken no time, and ids can be foretold. That is
    for an image that only shows them.
    """
    seeding = _Seeding(analyzer, bundle, database, blobs, level, as_of)
    if as_of is not None:
        with database.writing() as tx:
            tx.execute(update(tables.EnvironmentStamp).values(made_at=as_of))
    seeding.seed_each(supplied_samples(blobs))
    if not seeding.shown:
        seeding.seed_each(made_samples())
    if _arrange(seeding.shown, database) or seeding.analysed:
        # Only now that no row points at the files of the drawings that the samples had.
        removals.carry_out(database, blobs, now())
    return seeding.analysed


@dataclass
class _Seeding:
    """One run; ``shown`` are the ids of the samples in their order."""

    analyzer: Analyzer
    bundle: BundleReference
    database: Database
    blobs: BlobStore
    level: float
    as_of: datetime | None = None
    shown: list[str] = field(default_factory=list)
    analysed: int = 0

    def seed_each(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            try:
                self._seed(sample)
            except UNUSABLE as error:
                leave_out(sample.id, error)
            else:
                self.shown.append(sample.id)

    def _seed(self, sample: Sample) -> None:
        if self._is_current(sample.id):
            return
        submission = Submission(sample.read(), sample.age_years, sample.category)
        analysis = self.analyzer.analyze(
            submission.content, submission.age_years, submission.category, self.level
        )
        keeping = plan_keeping(analysis)
        if self.as_of is not None:
            analysis = replace(analysis, processing_ms=0.0)
            keeping = plan_keeping(analysis, _foretold(sample, self.bundle))
        with filed(keeping, analysis, database=self.database, blobs=self.blobs) as tx:
            add_rows(tx, keeping, analysis, submission, self.as_of)
            _point(tx, sample, len(self.shown), keeping.drawing_id)
        self.analysed += 1

    def _is_current(self, sample_id: str) -> bool:
        with self.database.reading() as tx:
            row = tx.get(tables.DemoSample, sample_id)
            return row is not None and row.drawing.analyses[-1].bundle_sha256 == self.bundle.sha256


def _foretold(sample: Sample, bundle: BundleReference) -> str:
    return hashlib.sha256(f"{sample.id} {bundle.sha256}".encode()).hexdigest()[:22]


def _point(tx: Session, sample: Sample, position: int, drawing_id: str) -> None:
    """Point the sample at its new drawing and remove the one that it had."""
    row = tx.get(tables.DemoSample, sample.id)
    earlier = [] if row is None else [row.drawing_id]
    tx.merge(
        tables.DemoSample(
            slug=sample.id,
            title=sample.title,
            description=sample.description,
            position=position,
            drawing_id=drawing_id,
        )
    )
    tx.flush()  # the old drawing may go only once nothing refers to it
    removals.remove_drawings(tx, earlier, now())


def _arrange(shown: list[str], database: Database) -> bool:
    """Put the samples in this order and remove all others; False if all is so already."""
    every = select(tables.DemoSample).order_by(tables.DemoSample.position)
    with database.reading() as tx:
        if [row.slug for row in tx.scalars(every)] == shown:
            return False
    with database.writing() as tx:
        rows = {row.slug: row for row in tx.scalars(every)}
        for position, slug in enumerate(shown):
            if slug in rows:
                rows.pop(slug).position = position
        gone = [row.drawing_id for row in rows.values()]
        for row in rows.values():
            tx.delete(row)
        tx.flush()
        removals.remove_drawings(tx, gone, now())
    return True
