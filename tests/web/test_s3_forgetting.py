"""S3 is stopped while visitors delete: it works at once, and S3 hears of it later."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.backups.back_up import back_up
from app.backups.restore import Restored, restore
from app.bootstrap import Services
from app.environment import Settings
from app.storage.blobs.spool import Drained
from app.stores import database_file, open_blobs, spool_folder
from app.web.app import create_app
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import HTML, JSON, Visitor, a_png
from tests.support.polling import until
from tests.support.stores.s3_server import S3Server
from tests.support.stores.sites import Site, in_s3, open_services

pytestmark = pytest.mark.servers


@pytest.fixture
def settings(settings: Settings, s3: S3Server) -> Settings:
    return in_s3(settings)


@contextmanager
def stopped(s3: S3Server) -> Iterator[None]:
    s3.stop()
    try:
        yield
    finally:
        s3.start()


def hand_in(services: Services) -> tuple[Visitor, dict[str, Any]]:
    visitor = Visitor(create_app(services))
    return visitor, visitor.submits(a_png(), age_years="6").json()


def backed_up(settings: Settings) -> None:
    back_up(file=database_file(settings), environment="local", blobs=open_blobs(settings))


def restored(settings: Settings) -> Restored:
    return restore(to=database_file(settings), environment="local", blobs=open_blobs(settings))


def test_a_drawing_is_deleted_with_its_files_and_leaves_its_marker(
    services: Services, s3: S3Server
) -> None:
    visitor, drawing = hand_in(services)
    assert visitor.asks("DELETE", drawing["links"]["self"]).status_code == 204
    marker, stamp = sorted(s3.keys(), reverse=True)[-2:]
    assert stamp == ".environment.json"
    assert marker.startswith("backups/forgotten/")
    assert len(s3.keys()) == 2


def test_while_it_is_stopped_the_drawing_is_gone_at_once_and_the_visitor_told_of_the_rest(
    services: Services, s3: S3Server
) -> None:
    visitor, drawing = hand_in(services)
    assert services.stores.spooling is not None
    spooling = services.stores.spooling
    with stopped(s3):
        said = visitor.asks("POST", f"{drawing['links']['page']}/forget", headers=HTML)
        assert said.status_code == 200
        assert "until then nobody can open it" in said.text
        assert visitor.opens(drawing["links"]["picture"]).status_code == 404
        assert spooling.spool.count() == 3
    until(lambda: spooling.drain() == Drained(0, 0))
    assert [key.split("/")[0] for key in sorted(s3.keys())] == [".environment.json", "backups"]


def test_a_marker_that_still_waits_beside_the_database_counts_at_a_restore(
    settings: Settings, analyzer: FakeAnalyzer, s3: S3Server
) -> None:
    with open_services(settings, analyzer) as services:
        visitor, drawing = hand_in(services)
        _, other = hand_in(services)
        backed_up(settings)
        with stopped(s3):
            assert visitor.asks("DELETE", drawing["links"]["self"]).status_code == 204
    assert restored(settings).forgotten == 1
    with open_services(settings, analyzer) as services:
        site = Site(services.stores.database, services.stores.blobs)
        assert site.drawings == {other["id"]}
        assert site.stored == site.referred


def test_after_the_loss_of_the_whole_disk_it_is_not_back(
    settings: Settings, analyzer: FakeAnalyzer, s3: S3Server
) -> None:
    with open_services(settings, analyzer) as services:
        visitor, drawing = hand_in(services)
        backed_up(settings)
        assert visitor.asks("DELETE", drawing["links"]["self"]).status_code == 204
    database = database_file(settings)
    for path in (database, *database.parent.glob(f"{database.name}-*")):
        path.unlink()
    restored(settings)
    with open_services(settings, analyzer) as services:
        answer = Visitor(create_app(services)).opens(drawing["links"]["self"])
    assert answer.status_code == 404


def test_where_not_even_the_spool_can_be_written_nothing_is_deleted(
    services: Services, settings: Settings, s3: S3Server
) -> None:
    visitor, drawing = hand_in(services)
    in_the_way = spool_folder(settings)
    in_the_way.write_text("where the spool would be made")
    with stopped(s3):
        refused = visitor.asks("DELETE", drawing["links"]["self"], headers=JSON)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        assert "could not be deleted just now" in refused.json()["detail"]
        assert visitor.opens(drawing["links"]["page"]).status_code == 200
        in_the_way.unlink()
    assert visitor.opens(drawing["links"]["self"]).json() == drawing
