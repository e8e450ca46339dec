"""What visitors and watchers are told while drawings wait for a store that is away."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.bootstrap import Services
from app.environment import Settings
from app.errors import StorageUnavailable
from app.stores import open_blobs, spool_folder
from app.wording import WAITING
from tests.support.people.visitors import Visitor, a_png
from tests.support.stores.sites import in_s3

NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "AKIAAPP",
    "AWS_SECRET_ACCESS_KEY": "appsecret",
}


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A bucket at an address where nothing listens."""
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)
    return in_s3(settings)


def test_a_drawing_is_kept_aside_and_the_answer_says_so(visitor: Visitor) -> None:
    answer = visitor.submits(a_png(), age_years="6")
    assert answer.status_code == 201
    drawing = answer.json()
    assert drawing["warning"] == WAITING
    assert visitor.opens(drawing["links"]["self"]).json() == drawing
    assert WAITING in visitor.opens(drawing["links"]["page"]).text
    for link in ("picture", "map"):
        assert visitor.opens(drawing["links"][link]).status_code == 200


def test_somebody_at_the_form_is_told_on_the_page(visitor: Visitor) -> None:
    led = visitor.submits(a_png(), to="/upload", age_years="6")
    assert led.status_code == 303
    assert WAITING in visitor.opens(led.headers["location"]).text


def test_the_server_is_degraded_but_serving_and_says_how_many_wait(
    visitor: Visitor, services: Services
) -> None:
    visitor.submits(a_png(), age_years="6")
    health = visitor.opens("/healthz")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["store"].startswith("The file store cannot be reached now")
    assert health.json()["spool"] == {"status": "ok", "waiting": 2}
    assert visitor.opens("/livez").status_code == 200


def test_without_store_and_spool_it_fails_and_keeps_nothing(
    visitor: Visitor, services: Services, settings: Settings
) -> None:
    spool_folder(settings).write_text("in the way")
    refused = visitor.submits(a_png(), age_years="6")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    health = visitor.opens("/healthz")
    assert (health.status_code, health.json()["status"]) == (503, "failing")
    assert health.json()["spool"]["status"].startswith("The disk of the spool fails")


def test_a_picture_that_is_only_in_the_store_is_not_lost_but_cannot_be_shown_now(
    visitor: Visitor, services: Services
) -> None:
    drawing = visitor.submits(a_png(), age_years="6").json()
    assert services.stores.spooling is not None
    spool = services.stores.spooling.spool
    assert spool.count() == 2
    for path in spool.folder.iterdir():
        path.unlink()
    assert visitor.opens(drawing["links"]["page"]).status_code == 200
    picture = visitor.opens(drawing["links"]["picture"], accept="application/json")
    assert (picture.status_code, picture.headers["retry-after"]) == (503, "30")
    assert picture.json()["detail"].startswith("The file store cannot be reached now")


def test_what_an_operator_writes_fails_at_once_instead_of_waiting(settings: Settings) -> None:
    with pytest.raises(StorageUnavailable):
        open_blobs(settings).put("models/current.json", b"{}", "application/json")
    assert not spool_folder(settings).exists()


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        pytest.param("sqlite:////mnt/db/s.sqlite3", "/mnt/db/spool", id="SQLite"),
        pytest.param("postgresql://u:p@host/name", "data/spool", id="PostgreSQL"),
    ],
)
def test_files_wait_beside_the_database(settings: Settings, url: str, folder: str) -> None:
    environment = replace(settings.environment, database_url=url)
    there = replace(settings, environment=environment, data_dir=Path("data"))
    assert spool_folder(there) == Path(folder)
