"""Logging in while Secrets Manager is stopped, frozen or emptied, at each step of the way.

What is public stays so and waits for nothing, and who is in stays in.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from app.access.current_secret import CurrentSecret
from app.access.password import hashed
from app.access.secrets import SecretsManager
from app.environment import Settings
from tests.access.conftest import ServedSite
from tests.support.people.admins import HASH, NEW_PASSWORD, Browser
from tests.support.people.visitors import a_png
from tests.support.stores.secrets_server import NAME, REGION, SecretsServer

pytestmark = pytest.mark.servers

PUBLIC: Final = ("/", "/upload", "/livez")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Logins that can outlive a day."""
    return replace(settings, login_idle_minutes=36 * 60, login_hours=48)


@pytest.fixture
def source(secrets_server: SecretsServer) -> SecretsManager:
    secrets_server.keeps_password(HASH)
    return SecretsManager.open(NAME, REGION)


def open_the_form(browser: Browser) -> None:
    assert browser.opens("/login?next=%2Fconfiguration").status_code == 200


def log_in(browser: Browser) -> None:
    open_the_form(browser)
    assert browser.logs_in().status_code == 303


def log_in_and_out(browser: Browser) -> None:
    log_in(browser)
    assert browser.sends("/logout").status_code == 303


STEPS: Final[dict[str, Callable[[Browser], object]]] = {
    "before anybody comes": lambda browser: None,
    "with the form open": open_the_form,
    "once logged in": log_in,
    "once logged out": log_in_and_out,
}


@pytest.fixture(params=STEPS)
def step(request: pytest.FixtureRequest, site: ServedSite, address: str, browser: Browser) -> str:
    """How far the admin has come when it strikes; an earlier process has read the secret."""
    assert CurrentSecret(site.source, site.services.stores.database, site.clock).epoch() == 1
    STEPS[request.param](browser)
    return str(request.param)


def check_what_is_public(browser: Browser, site: ServedSite) -> None:
    """All of it opens, and nothing has asked Secrets Manager."""
    asked_before = site.source.times
    assert [browser.opens(path).status_code for path in PUBLIC] == [200] * len(PUBLIC)
    picture = {"image": ("house.png", a_png())}
    sent = browser.client.post("/api/drawings", files=picture, data={"age_years": "6"})
    assert sent.status_code == 201
    assert site.source.times == asked_before


@pytest.mark.parametrize("outage", [SecretsServer.stops, SecretsServer.freezes])
def test_in_an_outage_who_is_in_stays_in_and_others_can_log_in_for_a_day(
    step: str,
    outage: Callable[[SecretsServer], None],
    secrets_server: SecretsServer,
    site: ServedSite,
    address: str,
    browser: Browser,
) -> None:
    outage(secrets_server)
    site.clock.passes(minutes=6)
    check_what_is_public(browser, site)
    assert browser.is_let_in == (step == "once logged in")
    with Browser.at(address) as elsewhere:
        assert elsewhere.logs_in("wrong").status_code == 401
        assert elsewhere.logs_in().status_code == 303
        site.clock.passes(hours=24)
        check_what_is_public(browser, site)
        late = browser.logs_in()
        assert (late.status_code, late.headers["retry-after"]) == (503, "30")
        assert elsewhere.is_let_in
        assert browser.is_let_in == (step == "once logged in")


def test_a_secret_that_was_deleted_is_no_password_and_never_an_outage(
    step: str, secrets_server: SecretsServer, site: ServedSite, browser: Browser
) -> None:
    secrets_server.deletes()
    for _ in range(2):
        site.clock.passes(hours=13)
        check_what_is_public(browser, site)
        assert not browser.is_let_in
        assert "no password is set" in browser.opens("/login").text
        assert browser.logs_in().status_code == 403
        assert browser.opens("/healthz").json()["login"] == "ok"


def test_an_outage_is_told_as_long_as_it_lasts(
    secrets_server: SecretsServer, site: ServedSite, browser: Browser
) -> None:
    browser.logs_in()
    secrets_server.freezes()
    site.clock.passes(minutes=6)
    assert "Secrets Manager does not answer" in browser.opens("/healthz").json()["login"]
    secrets_server.thaws()
    secrets_server.keeps_password(hashed(NEW_PASSWORD), epoch=2)
    site.clock.passes(seconds=16)
    assert not browser.is_let_in
    assert browser.logs_in(NEW_PASSWORD).status_code == 303
    assert browser.opens("/healthz").json()["login"] == "ok"
