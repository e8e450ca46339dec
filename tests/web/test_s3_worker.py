"""The server's own worker moves to S3 what waited while that was away."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.background import work
from app.background.work import DRAIN_SPOOL, work_for
from app.background.worker import Worker
from app.bootstrap import Services
from app.environment import Settings
from app.storage.database import Database
from app.storage.jobs import Recurring
from app.storage.tables import Job
from app.web.app import create_app
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import Visitor, a_png
from tests.support.polling import until
from tests.support.stores.s3_server import BUCKET, S3Server
from tests.support.stores.sites import in_s3

pytestmark = pytest.mark.servers


@pytest.fixture
def settings(settings: Settings, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A job that is asked for every five minutes is asked for each second here."""
    often = Recurring(DRAIN_SPOOL, timedelta(seconds=1))
    monkeypatch.setitem(work.SCHEDULE, DRAIN_SPOOL, often)
    return in_s3(settings)


@pytest.fixture
def worked(services: Services, settings: Settings) -> Iterator[Services]:
    """With the worker beside them."""
    worker = Worker(work_for(services.stores, settings), seconds=0.1)
    worker.start()
    yield services
    assert worker.stop()


def drained(database: Database) -> int:
    """How often the job was done."""
    done = select(Job).where(Job.kind == DRAIN_SPOOL, Job.finished_at.is_not(None))
    with database.reading() as tx:
        return len(tx.scalars(done).all())


def test_the_worker_moves_what_waited_once_s3_is_back(
    worked: Services, analyzer: FakeAnalyzer, s3: S3Server
) -> None:
    assert worked.stores.spooling is not None
    spool = worked.stores.spooling.spool
    s3.stop()
    try:
        drawing = Visitor(create_app(worked)).submits(a_png(), age_years="6").json()
        already = drained(worked.stores.database)
        until(lambda: drained(worked.stores.database) >= already + 2)
        assert ("warning" in drawing, spool.count()) == (True, 2)
    finally:
        s3.start()
    until(lambda: spool.count() == 0)
    expected = analyzer.analyze(a_png(), 6.0, None)
    keys = [f"drawings/{drawing['id']}", f"saliency_maps/{drawing['id']}.png"]
    assert sorted(s3.keys()) == [".environment.json", *keys]
    kept = [s3.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys]
    assert kept == [expected.picture, expected.saliency_map]
