"""Logging in over a real connection, with a browser's cookies, and where that leads to."""

import re
from dataclasses import replace
from html import unescape
from typing import Final
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.password import hashed
from app.access.secrets import AdminSecret, SecretFile
from app.environment import Settings
from app.web.pages.login import leads_here
from tests.access.conftest import ServedSite
from tests.support.clocks import Clock
from tests.support.people.admins import HASH, NEW_PASSWORD, PASSWORD, Browser


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, login_idle_minutes=60, login_hours=12)


@pytest.fixture
def source(settings: Settings) -> SecretFile:
    """A developer's."""
    source = SecretFile(settings.data_dir / "admin-secret.json")
    source.write(AdminSecret(HASH, 1))
    return source


def test_one_is_led_to_the_login_and_back_and_out_again(browser: Browser) -> None:
    sent_on = browser.opens("/configuration")
    form = browser.opens(sent_on.headers["location"])
    assert 'action="/login?next=%2Fconfiguration"' in form.text
    back = browser.logs_in(going_to="/configuration")
    assert back.next_request is not None
    shown = browser.client.send(back.next_request)
    assert (shown.status_code, shown.url.path) == (200, "/configuration")
    assert len(browser.client.cookies) == 1
    assert browser.sends("/logout").headers["location"] == "/login"
    assert not browser.client.cookies
    assert not browser.is_let_in


def test_a_wrong_password_sets_no_cookie_and_the_right_one_still_leads_back(
    browser: Browser,
) -> None:
    refused = browser.logs_in("wrong", going_to="/configuration")
    assert (refused.status_code, len(browser.client.cookies)) == (401, 0)
    assert 'action="/login?next=%2Fconfiguration"' in refused.text
    assert not browser.is_let_in
    assert browser.logs_in(going_to="/configuration").status_code == 303
    assert browser.is_let_in


def test_a_cookie_that_was_taken_is_worth_nothing_once_it_is_logged_out(
    browser: Browser, address: str
) -> None:
    browser.logs_in()
    with Browser.at(address) as thief:
        thief.client.cookies.update(browser.client.cookies)
        assert thief.is_let_in
        browser.sends("/logout")
        assert not thief.is_let_in


def test_logging_out_everywhere_reaches_every_browser(browser: Browser, address: str) -> None:
    with Browser.at(address) as elsewhere:
        assert [one.logs_in().status_code for one in (browser, elsewhere)] == [303, 303]
        browser.sends("/logout/everywhere")
        assert not browser.is_let_in
        assert not elsewhere.is_let_in
        assert elsewhere.logs_in().status_code == 303
        assert elsewhere.is_let_in


def test_a_login_ends_when_it_was_not_used_for_long_enough(browser: Browser, clock: Clock) -> None:
    browser.logs_in()
    clock.passes(minutes=59)
    assert browser.is_let_in
    clock.passes(minutes=60, seconds=1)
    assert not browser.is_let_in


def test_a_dashboard_that_was_left_open_keeps_no_login_alive(
    browser: Browser, clock: Clock
) -> None:
    browser.logs_in()
    shown = browser.opens("/dashboard").text
    asks = re.search(r'http-equiv="refresh" content="60; url=([^"]+)"', shown)
    assert asks
    for _ in range(59):
        clock.passes(minutes=1)
        assert browser.opens(unescape(asks[1])).status_code == 200
    clock.passes(minutes=1)
    assert browser.opens(unescape(asks[1])).headers["location"].startswith("/login?next=%2Fdash")


def test_a_login_ends_though_it_was_used_all_the_time(browser: Browser, clock: Clock) -> None:
    browser.logs_in()
    for _ in range(12):
        clock.passes(minutes=59)
        assert browser.is_let_in
    clock.passes(minutes=13)
    assert not browser.is_let_in


def test_a_new_password_ends_logins_within_five_minutes_and_the_old_one_opens_nothing(
    browser: Browser, site: ServedSite
) -> None:
    browser.logs_in()
    site.source.write(AdminSecret(hashed(NEW_PASSWORD), 2))
    site.clock.passes(seconds=299)
    assert browser.is_let_in
    site.clock.passes(seconds=2)
    assert not browser.is_let_in
    assert browser.logs_in(PASSWORD).status_code == 401
    assert browser.logs_in(NEW_PASSWORD).status_code == 303
    assert browser.is_let_in


ELSEWHERE: Final = {
    "two slashes": "//evil.example",
    "a backslash": "/\\evil.example",
    "backslashes": "\\\\evil.example",
    "three slashes": "///evil.example",
    "an address": "https://evil.example/",
    "a scheme": "https:evil.example",
    "a scheme alone": "https:",
    "a script": "javascript:alert(1)",
    "a line's end": "/\r\nLocation: https://evil.example",
    "a tab that browsers leave out": "/\t/evil.example",
    "a space before": " //evil.example",
    "a control character before": "\x01//evil.example",
    "a null": "/\x00/evil.example",
    "encoded slashes": "%2F%2Fevil.example",
    "an encoded backslash first": "%5C/evil.example",
    "slashes of full width": "/\uff0fevil.example",
    "an account": "@evil.example",
    "nothing": "",
}


def test_nobody_is_led_elsewhere(browser: Browser) -> None:
    led = {name: browser.logs_in(going_to=place) for name, place in ELSEWHERE.items()}
    assert {name: to.headers["location"] for name, to in led.items()} == dict.fromkeys(
        ELSEWHERE, "/dashboard"
    )
    assert {to.next_request.url.netloc for to in led.values() if to.next_request} == {
        browser.client.base_url.netloc
    }


PIECES = st.sampled_from([*"/\\.:@?#%;~ \t\r\n\0\x01a", "%2f", "%5c", "https", "evil.example"])


@given(st.lists(PIECES, max_size=8).map("".join))
def test_whatever_is_taken_for_a_path_of_ours_stays_here(path: str) -> None:
    """As browsers read it, by the URL Standard of the WHATWG."""
    if leads_here(f"/{path}"):
        seen = f"/{path}".translate(dict.fromkeys(map(ord, "\t\r\n"))).replace("\\", "/")
        read = urlsplit(urljoin("https://here.example/login", seen.strip(" \0\x01")))
        assert (read.scheme, read.netloc) == ("https", "here.example")
