"""Sites: a database and a store that belong together, and the parts of an app over both.

``Site`` tells whether the two tell the same story, whatever was done to them.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update

from app.actions.forget import forget, forget_marked
from app.actions.retain import Retained, retain
from app.actions.submit import Submission, submit
from app.bootstrap import Services, assemble
from app.environment import Settings
from app.inference.analysis import OpenedBundle
from app.storage import markers
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.storage.tables import Analysis, DemoSample, Drawing, IdempotencyKey
from app.stores import Stores
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import a_png
from tests.support.stores.databases import make_database
from tests.support.stores.s3_server import BUCKET, REGION

DAYS = 30
PICTURE = a_png(16)
BLOBS = ("drawings", "saliency_maps")


@dataclass(frozen=True)
class Site:
    """Does what visitors and the background's work do to both."""

    database: Database
    blobs: BlobStore

    def submits(self, key: str | None = None) -> str:
        """A drawing that is handed in now, by a request that names itself ``key``."""
        submission = Submission(PICTURE, 6.5, None, key)
        return submit(submission, analyzer=FakeAnalyzer(), database=self.database, blobs=self.blobs)

    def dates(self, drawing_id: str, created_at: datetime) -> None:
        """Have it been handed in then."""
        with self.database.writing() as tx:
            tx.execute(
                update(Drawing).where(Drawing.id == drawing_id).values(created_at=created_at)
            )
            of_it = IdempotencyKey.drawing_id == drawing_id
            tx.execute(update(IdempotencyKey).where(of_it).values(created_at=created_at))

    def keeps(self, created_at: datetime, key: str | None = None) -> str:
        """A drawing that was handed in then."""
        kept = self.submits(key)
        self.dates(kept, created_at)
        return kept

    def forgets(self, drawing_id: str, now: datetime) -> None:
        """Delete it as its visitor does."""
        forget(drawing_id, stores=Stores(self.database, self.blobs), now=now)

    def completes(self, now: datetime) -> int:
        """What retention does first: complete the deletions of visitors."""
        return forget_marked(database=self.database, blobs=self.blobs, now=now)

    def has_marked(self, drawing_id: str) -> bool:
        """Whether the store will remember that it was deleted."""
        digest = hashlib.sha256(drawing_id.encode()).hexdigest()
        return digest in markers.read_markers(self.blobs)

    def shows(self, drawing_id: str) -> None:
        """Put it into the demo."""
        with self.database.writing() as tx:
            sample = {"slug": drawing_id, "title": "A", "description": "", "position": 1}
            tx.add(DemoSample(**sample, drawing_id=drawing_id))

    def retains(self, now: datetime) -> Retained:
        """As the job does."""
        return retain(database=self.database, blobs=self.blobs, days=DAYS, now=now)

    @property
    def drawings(self) -> set[str]:
        """The ids of all that have a row."""
        with self.database.reading() as tx:
            return set(tx.scalars(select(Drawing.id)))

    @property
    def referred(self) -> set[str]:
        """The keys of all blobs that rows refer to."""
        with self.database.reading() as tx:
            keys = {*tx.scalars(select(Drawing.picture_key)), *tx.scalars(select(Analysis.map_key))}
        return {key for key in keys if key is not None}

    @property
    def stored(self) -> set[str]:
        """The keys of all blobs of drawings."""
        return {key for prefix in BLOBS for key in self.blobs.keys(prefix)}


@contextmanager
def open_services(settings: Settings, analyzer: OpenedBundle) -> Iterator[Services]:
    """The parts of an app over a migrated database, closed at the end."""
    config = settings.environment
    make_database(config.database_url, config.environment)
    services = assemble(settings, lambda: analyzer)
    try:
        yield services
    finally:
        services.stores.database.close()


def in_s3(settings: Settings, bucket: str = BUCKET) -> Settings:
    """The same settings, with files kept in a bucket of the tests' server."""
    environment = replace(
        settings.environment, storage_backend="s3", s3_bucket_name=bucket, aws_region=REGION
    )
    return replace(settings, environment=environment)
