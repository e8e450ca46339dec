"""Put the demo drawings through the real analyzer and keep them, once for each bundle."""

from sqlalchemy.orm import Session

from app.actions.submit import Submission, add_rows, filed, plan_keeping
from app.imaging.synthetic import DEMO_SAMPLES, SyntheticSample, draw_sample
from app.inference.analysis import Analyzer, BundleReference
from app.storage import removals, tables
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.storage.tables import now


def seed_demo(
    *, analyzer: Analyzer, bundle: BundleReference, database: Database, blobs: BlobStore
) -> int:
    """Analyse the samples; the number analysed, none if this bundle has seen them all."""
    seeded = 0
    for position, sample in enumerate(DEMO_SAMPLES):
        if not _is_current(sample.slug, bundle, database):
            _seed(sample, position, analyzer, database, blobs)
            seeded += 1
    return seeded


def _is_current(slug: str, bundle: BundleReference, database: Database) -> bool:
    with database.reading() as tx:
        row = tx.get(tables.DemoSample, slug)
        return row is not None and row.drawing.analyses[-1].bundle_sha256 == bundle.sha256


def _seed(
    sample: SyntheticSample, position: int, analyzer: Analyzer, database: Database, blobs: BlobStore
) -> None:
    submission = Submission(draw_sample(sample), sample.age_years, sample.category)
    analysis = analyzer.analyze(submission.content, submission.age_years, submission.category)
    keeping = plan_keeping(analysis)
    with filed(keeping, analysis, database=database, blobs=blobs) as tx:
        add_rows(tx, keeping, analysis, submission)
        _point(tx, sample, position, keeping.drawing_id)
    # Only now that no row points at the files of the drawing it had.
    removals.carry_out(database, blobs, now())


def _point(tx: Session, sample: SyntheticSample, position: int, drawing_id: str) -> None:
    """Point the sample at its new drawing and remove the one that it had."""
    row = tx.get(tables.DemoSample, sample.slug)
    earlier = [] if row is None else [row.drawing_id]
    tx.merge(
        tables.DemoSample(
            slug=sample.slug,
            title=sample.title,
            description=sample.description,
            position=position,
            drawing_id=drawing_id,
        )
    )
    tx.flush()  # the old drawing may go only once nothing refers to it
    removals.remove_drawings(tx, earlier, now())
