"""What the admin sets: the level, and the bundle in use."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.access.secrets import AdminSecret
from app.bootstrap import Services, bootstrap
from app.environment import Settings
from app.errors import StorageUnavailable
from app.publishing.published import publish, read_pointer, roll_back
from app.web.app import create_app
from tests.support.data.bundles import a_bundle_of_other_answers, another_bundle, smuggle
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.people.admins import HASH, Admin
from tests.support.people.visitors import Visitor, a_png
from tests.support.stores.databases import make_database


def logged_in(services: Services) -> Admin:
    assert services.access is not None
    services.access.secret.source.write(AdminSecret(HASH, 1))
    admin = Admin(Visitor(create_app(services)))
    admin.logs_in()
    return admin


@pytest.fixture
def admin(services: Services) -> Admin:
    return logged_in(services)


def level_of_the_next(visitor: Visitor, keep: str = "true") -> float:
    answer = visitor.submits(a_png(), age_years="6", keep=keep).json()
    return float(answer["analysis"]["level"])


def test_a_new_level_holds_from_the_next_drawing_on(admin: Admin, visitor: Visitor) -> None:
    before = visitor.submits(a_png(), age_years="6").json()
    assert (before["analysis"]["level"], before["analysis"]["flagged"]) == (0.05, True)
    set_it = admin.sends("/configuration/level", percent="2")
    assert (set_it.status_code, set_it.headers["location"]) == (303, "/configuration#level")
    after = visitor.submits(a_png(), age_years="6").json()  # another app over the same database
    assert (after["analysis"]["level"], after["analysis"]["flagged"]) == (0.02, False)
    assert level_of_the_next(visitor, keep="false") == 0.02
    assert visitor.opens(before["links"]["self"]).json() == before
    assert visitor.opens(after["links"]["self"]).json() == after


def test_the_form_answers_by_the_new_level_too(admin: Admin, visitor: Visitor) -> None:
    admin.sends("/configuration/level", percent="2")
    led = visitor.submits(a_png(), to="/upload", age_years="6").headers["location"]
    assert "about 2 are called very unusual and about 6 a little" in visitor.opens(led).text


def test_the_page_says_what_share_of_ordinary_drawings_is_flagged(admin: Admin) -> None:
    assert "<strong>5 %</strong> of ordinary drawings" in admin.opens("/configuration").text
    admin.sends("/configuration/level", percent="2,5 %")
    page = admin.opens("/configuration").text
    assert "<strong>2.5 %</strong> of ordinary drawings" in page
    assert "about 2.5 are called very unusual" in page
    assert 'value="2.5"' in page


@pytest.mark.parametrize("typed", ["", "many", "0", "26", "-5", "nan", "inf", "1e999999", "<b>"])
def test_a_level_that_means_nothing_is_said_beside_the_field(
    admin: Admin, visitor: Visitor, typed: str
) -> None:
    page = admin.sends("/configuration/level", percent=typed)
    assert page.status_code == 422
    assert re.search(r'id="percent-problem" role="alert">[^<]+\.<', page.text)
    assert f'value="{typed.replace("<", "&lt;").replace(">", "&gt;")}"' in page.text
    assert level_of_the_next(visitor) == 0.05


def test_how_long_drawings_are_kept_is_shown_and_where_that_is_changed(services: Services) -> None:
    page = logged_in(replace(services, retention_days=12)).opens("/configuration").text
    assert "<strong>12 days</strong>" in page
    assert "RETENTION_DAYS" in page


@pytest.fixture
def running(settings: Settings, tmp_path: Path) -> Iterator[Services]:
    """An app with real bundles: ``test-2`` is published, ``test-1`` was before it."""
    config = settings.environment
    make_database(config.database_url, config.environment)
    services = bootstrap(replace(settings, bundle_path=another_bundle(tmp_path, "own")))
    for version in ("test-1", "test-2"):
        pointer = publish(another_bundle(tmp_path, version), blobs=services.stores.blobs)
        services.current.turn_to(pointer.sha256)
    yield services
    services.stores.database.close()


def held(page: str) -> dict[str, str]:
    """The bundles that the page offers: version and SHA-256."""
    offers = re.findall(r'value="([0-9a-f]{64})"><button[^>]*aria-label="Use ([^,]+),', page)
    return {version: sha256 for sha256, version in offers}


def test_an_earlier_bundle_answers_the_next_drawing(running: Services) -> None:
    admin = logged_in(running)
    page = admin.opens("/configuration").text
    assert "<dt>In use</dt><dd>test-2</dd>" in page
    assert running.bundle.sha256 in page
    assert held(page).keys() == {"test-1"}
    back = admin.sends("/configuration/bundle", sha256=held(page)["test-1"])
    assert (back.status_code, back.headers["location"]) == (303, "/configuration#bundle")
    answer = admin.visitor.submits(as_bytes(a_picture()), age_years="6.5").json()
    assert answer["analysis"]["bundle"]["version"] == "test-1"
    pointer = read_pointer(running.stores.blobs)
    assert pointer is not None
    assert pointer.version == "test-1"  # so that others, and the next start, turn to it, too
    assert roll_back(blobs=running.stores.blobs).version == "test-2"


def test_a_bundle_that_fails_its_self_test_is_not_taken(running: Services, tmp_path: Path) -> None:
    admin = logged_in(running)
    good = read_pointer(running.stores.blobs)
    assert good is not None
    smuggle(a_bundle_of_other_answers(tmp_path), running.stores.blobs)
    running.stores.blobs.put("models/current.json", good.as_bytes(), "application/json")
    offered = held(admin.opens("/configuration").text)["other-answers"]
    refused = admin.sends("/configuration/bundle", sha256=offered)
    assert refused.status_code == 422
    assert "Nothing was changed. Bundle other-answers fails its self-test" in refused.text
    assert running.bundle.version == "test-2"
    assert read_pointer(running.stores.blobs) == good


@pytest.mark.parametrize("sha256", ["", "../../drawings/a", "0" * 64, "A" * 64])
def test_a_bundle_that_is_not_there_is_refused_in_a_sentence(
    running: Services, sha256: str
) -> None:
    refused = logged_in(running).sends("/configuration/bundle", sha256=sha256)
    assert refused.status_code == 422
    assert "Nothing was changed." in refused.text
    assert running.bundle.version == "test-2"


def test_with_none_published_there_is_nothing_to_go_back_to(admin: Admin) -> None:
    page = admin.opens("/configuration").text
    assert "<dt>In use</dt><dd>test-1</dd>" in page
    assert "None is published" in page
    assert held(page) == {}


def test_the_page_opens_while_the_store_is_away(
    services: Services, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: object, *_: object) -> None:
        raise StorageUnavailable("The store is away.")

    monkeypatch.setattr(type(services.stores.blobs), "get", away)
    page = admin.opens("/configuration")
    assert page.status_code == 200
    assert "cannot be listed now. The store is away." in page.text
