"""A bundle is published while the app runs: nobody is turned away, and it says what it uses."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from app.bootstrap import Services, bootstrap
from app.environment import Settings
from app.errors import BundleError
from app.publishing.published import publish, roll_back
from app.web.app import create_app
from tests.support.data.bundles import (
    a_bundle_of_other_answers,
    another_bundle,
    flip_a_byte,
    smuggle,
)
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.people.visitors import Visitor
from tests.support.polling import until
from tests.support.stores.databases import make_database

OWN = "test-1"


@pytest.fixture
def running(settings: Settings, tmp_path: Path) -> Iterator[Services]:
    """The parts of an app whose own bundle is ``test-1`` and which looks at every request."""
    config = settings.environment
    make_database(config.database_url, config.environment)
    own = another_bundle(tmp_path, OWN)
    services = bootstrap(replace(settings, bundle_path=own, bundle_poll_seconds=0))
    yield services
    services.stores.database.close()


@pytest.fixture
def guest(running: Services) -> Visitor:
    """Somebody who uses that app."""
    return Visitor(create_app(running))


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return another_bundle(tmp_path, "test-2")


def submits(guest: Visitor, keep: str = "true") -> httpx.Response:
    return guest.submits(as_bytes(a_picture()), age_years="6.5", keep=keep)


def version(answer: httpx.Response) -> str:
    return str(answer.json()["analysis"]["bundle"]["version"])


def answers_with(guest: Visitor, expected: str) -> None:
    """Wait until answers are by this version."""
    until(lambda: version(submits(guest, keep="false")) == expected)


def test_a_published_bundle_answers_without_a_restart_and_old_results_keep_theirs(
    running: Services, guest: Visitor, second: Path
) -> None:
    before = submits(guest)
    assert version(before) == OWN
    pointer = publish(second, blobs=running.stores.blobs)
    answers_with(guest, "test-2")
    assert version(submits(guest)) == "test-2"
    assert guest.opens(before.json()["links"]["self"]).json() == before.json()
    assert f"Model version</dt><dd>{OWN}" in guest.opens(before.json()["links"]["page"]).text
    health = guest.opens("/healthz").json()
    assert health["status"] == "ok"
    assert health["bundle"] == {"status": "ok", "version": "test-2", "sha256": pointer.sha256}


def test_a_damaged_upload_is_said_by_healthz_and_the_old_bundle_serves_on(
    running: Services, settings: Settings, guest: Visitor, second: Path
) -> None:
    pointer = publish(second, blobs=running.stores.blobs)
    flip_a_byte(settings.data_dir / "blobs" / "models" / pointer.sha256 / "norms.npz")
    assert version(submits(guest)) == OWN
    until(lambda: running.current.fault is not None)
    assert version(submits(guest)) == OWN
    health = guest.opens("/healthz")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert "norms.npz in the published bundle" in health.json()["bundle"]["status"]
    assert health.json()["bundle"]["version"] == OWN


def test_a_bundle_that_fails_its_self_test_is_refused_twice(
    running: Services, guest: Visitor, tmp_path: Path
) -> None:
    other = a_bundle_of_other_answers(tmp_path)
    with pytest.raises(BundleError, match="fails its self-test"):
        publish(other, blobs=running.stores.blobs)
    smuggle(other, running.stores.blobs)
    assert version(submits(guest)) == OWN
    until(lambda: running.current.fault is not None)
    assert version(submits(guest)) == OWN
    assert "fails its self-test" in guest.opens("/healthz").json()["bundle"]["status"]


def test_going_back_brings_the_old_bundle_back(
    running: Services, guest: Visitor, second: Path, tmp_path: Path
) -> None:
    publish(second, blobs=running.stores.blobs)
    answers_with(guest, "test-2")
    publish(another_bundle(tmp_path, "test-3"), blobs=running.stores.blobs)
    answers_with(guest, "test-3")
    roll_back(blobs=running.stores.blobs)
    answers_with(guest, "test-2")


def test_every_request_during_a_swap_is_answered(
    running: Services, guest: Visitor, second: Path
) -> None:
    def submit_until_new(_: int) -> set[tuple[int, str]]:
        seen: set[tuple[int, str]] = set()

        def is_new() -> bool:
            answer = submits(guest, keep="false")
            seen.add((answer.status_code, version(answer)))
            return version(answer) == "test-2"

        until(is_new, pause=0)
        return seen

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(submit_until_new, n) for n in range(4)]
        publish(second, blobs=running.stores.blobs)
        seen = set().union(*(one.result(30) for one in asked))
    assert {(200, "test-2")} <= seen <= {(200, OWN), (200, "test-2")}


def test_an_app_that_starts_again_begins_with_the_published_bundle(
    running: Services, settings: Settings, second: Path, tmp_path: Path
) -> None:
    publish(second, blobs=running.stores.blobs)
    again = bootstrap(replace(settings, bundle_path=tmp_path / "none"))
    assert again.bundle.version == "test-2"
    again.stores.database.close()
