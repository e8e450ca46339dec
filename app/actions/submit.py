"""Analyse a drawing; keep it with all that is its own, or keep nothing at all."""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import InvalidRequest, StorageUnavailable
from app.imaging.intake import MAX_BYTES
from app.inference.analysis import Analysis, Analyzer, check_age
from app.scoring.assessment import LEVEL
from app.storage import removals, tables
from app.storage.blobs.store import BlobStore
from app.storage.blobs.uploads import Uploads
from app.storage.database import Database
from app.stores import Stores
from app.usage.analyses import AnalysisCounter

log = logging.getLogger(__name__)
UNTOLD = AnalysisCounter()  # counts into the database, and tells nobody else


@dataclass(frozen=True)
class Submission:
    """What a visitor hands in, and whether it may be kept.

    ``idempotency_key`` names the attempt, not the drawing. ``upload`` is the key that the picture
    was sent to beforehand, if so; ``content`` is empty until it is taken from there.
    """

    content: bytes
    age_years: float
    category: str | None
    idempotency_key: str | None = None
    keep: bool = True
    upload: str | None = None

    def fingerprint(self) -> str:
        """The same for a repeat of the request, another as soon as anything in it differs."""
        fields = json.dumps([self.age_years, self.category]).encode()
        # An upload is gone when the request is repeated.
        drawing = self.content if self.upload is None else self.upload.encode()
        return hashlib.sha256(hashlib.sha256(drawing).digest() + fields).hexdigest()


@dataclass(frozen=True)
class Keeping:
    """Where one drawing's files are kept; ``map_key`` is ``None`` if no map could be made."""

    drawing_id: str
    picture_key: str
    map_key: str | None

    @property
    def keys(self) -> tuple[str, ...]:
        """Blob keys of the picture and, if any, the map."""
        return (self.picture_key,) if self.map_key is None else (self.picture_key, self.map_key)


def answer(
    submission: Submission,
    *,
    analyzer: Analyzer,
    stores: Stores,
    level: float,
    counter: AnalysisCounter = UNTOLD,
) -> str | Analysis:
    """The id of the kept drawing, or only its analysis if it may not be kept.

    Either is counted once; so is a failure.
    """
    database, blobs = stores.database, stores.blobs
    with counter.failures(database):
        if submission.keep:
            return submit(
                submission, analyzer=analyzer, database=database, blobs=blobs, level=level,
                counter=counter,
            )  # fmt: skip
        analysis = _analyze(submission, analyzer, level)
        counter.unkept(database, analysis, submission.age_years)
        return analysis


def answer_upload(
    submission: Submission,
    uploads: Uploads,
    *,
    analyzer: Analyzer,
    stores: Stores,
    level: float,
    counter: AnalysisCounter = UNTOLD,
) -> str | Analysis:
    """The same for a picture that was sent to the store, and is gone from there afterwards.

    Without an idempotency key of its own the request has the upload's: one that is used twice at
    the same time makes no twin.
    """
    known = _answered_before(submission, stores.database) if submission.keep else None
    if known is not None:
        return known
    check_age(submission.age_years)  # which can be mended without sending the picture again
    key = str(submission.upload)
    with uploads.taken(key, MAX_BYTES) as content:
        named = submission.idempotency_key or key
        whole = replace(submission, content=content, idempotency_key=named)
        return answer(whole, analyzer=analyzer, stores=stores, level=level, counter=counter)


def submit(
    submission: Submission,
    *,
    analyzer: Analyzer,
    database: Database,
    blobs: BlobStore,
    level: float = LEVEL,
    counter: AnalysisCounter = UNTOLD,
) -> str:
    """The id of the kept drawing; the earlier one if this request was answered before."""
    known = _answered_before(submission, database)
    if known is not None:
        return known
    analysis = _analyze(submission, analyzer, level)
    keeping = plan_keeping(analysis)
    try:
        with filed(keeping, analysis, database=database, blobs=blobs) as tx:
            add_rows(tx, keeping, analysis, submission)
            counter.kept(tx, analysis, submission.age_years)
    except IntegrityError:
        # A request with the same key was kept while this one was being analysed.
        known = _answered_before(submission, database)
        if known is None:
            raise
        return known
    counter.tell(analysis, kept=True)
    return keeping.drawing_id


def _analyze(submission: Submission, analyzer: Analyzer, level: float) -> Analysis:
    return analyzer.analyze(submission.content, submission.age_years, submission.category, level)


def plan_keeping(analysis: Analysis, drawing_id: str | None = None) -> Keeping:
    """The keys that follow from an id, or else from an unguessable one that is chosen now."""
    drawing_id = drawing_id or tables.unguessable_id()
    has_map = analysis.saliency_map is not None
    return Keeping(
        drawing_id=drawing_id,
        picture_key=f"drawings/{drawing_id}",
        map_key=f"saliency_maps/{drawing_id}.png" if has_map else None,
    )


@contextmanager
def filed(
    keeping: Keeping, analysis: Analysis, *, database: Database, blobs: BlobStore
) -> Iterator[Session]:
    """The transaction for a drawing's rows, begun once its files are kept; undone with them.

    Files before rows, so that no row points at a missing file. A disk may take a commit and fail
    before it says so: then the row is there and needs its files.
    """
    commits = done = False
    try:
        _put_files(keeping, analysis, blobs)
        with database.writing() as tx:
            yield tx
            commits = True
        done = True
    finally:
        if not done:
            _remove_files(keeping.keys, database if commits else None, blobs)


def _put_files(keeping: Keeping, analysis: Analysis, blobs: BlobStore) -> None:
    blobs.put(keeping.picture_key, analysis.picture, analysis.picture_type)
    if keeping.map_key is not None and analysis.saliency_map is not None:
        blobs.put(keeping.map_key, analysis.saliency_map, "image/png")


def _remove_files(keys: Sequence[str], database: Database | None, blobs: BlobStore) -> None:
    """All, or those that no row in ``database`` refers to; retention finds what stays behind."""
    try:
        for key in removals.unreferred(database, keys) if database else keys:
            blobs.delete(key)
    except StorageUnavailable as error:
        log.warning("Files of a drawing that was not kept are left to retention: %s", error)


def add_rows(
    tx: Session,
    keeping: Keeping,
    analysis: Analysis,
    submission: Submission,
    at: datetime | None = None,
) -> None:
    """Add the drawing, its analysis and, if the request named itself, its key; ``at``: not now."""
    at = at or tables.now()
    tx.add(
        tables.Drawing(
            id=keeping.drawing_id,
            created_at=at,
            age_years=submission.age_years,
            category=submission.category,
            picture_key=keeping.picture_key,
            picture_type=analysis.picture_type,
            analyses=[
                tables.Analysis(
                    created_at=at,
                    bundle_version=analysis.bundle.version,
                    bundle_sha256=analysis.bundle.sha256,
                    result=analysis.as_json(),
                    map_key=keeping.map_key,
                )
            ],
        )
    )
    tx.flush()  # the key refers to the drawing, and no relationship orders the two
    if submission.idempotency_key is not None:
        tx.add(
            tables.IdempotencyKey(
                key=submission.idempotency_key,
                fingerprint=submission.fingerprint(),
                drawing_id=keeping.drawing_id,
            )
        )


def _answered_before(submission: Submission, database: Database) -> str | None:
    if submission.idempotency_key is None:
        return None
    with database.reading() as tx:
        earlier = tx.get(tables.IdempotencyKey, submission.idempotency_key)
        if earlier is None:
            return None
        if earlier.fingerprint != submission.fingerprint():
            raise InvalidRequest(
                "This Idempotency-Key was used for another drawing; send a new key."
            )
        return earlier.drawing_id
