"""What the admin sees of the site's state."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest

from app.access.secrets import AdminSecret
from app.actions.health import OK, Health, RecentHealth
from app.backups.back_up import back_up
from app.backups.drills import RECORD, DrillRecord, drill
from app.bootstrap import Services
from app.errors import SecretUnavailable, StorageUnavailable
from app.inference.analysis import BundleReference
from app.storage.tables import UsageCountry, UsageDay, UsageHour, now
from app.usage.countries import published_week
from app.usage.counts import add, hour_of
from app.usage.metrics import read_history, read_metrics
from app.usage.uptime import say
from app.web.app import create_app
from app.web.pages import dashboard
from tests.support.people.admins import HASH, Admin
from tests.support.people.visitors import Visitor

pytestmark = pytest.mark.usefixtures("one_day")

REFERENCE = BundleReference("test-1", "a" * 64)


def logged_in(services: Services) -> Admin:
    assert services.access is not None
    services.access.secret.source.write(AdminSecret(HASH, 1))
    admin = Admin(Visitor(create_app(services)))
    admin.logs_in()
    return admin


def with_health(services: Services, health: Health) -> Services:
    return replace(services, health=RecentHealth(lambda: health))


def backed_up(services: Services) -> None:
    database, blobs = services.stores.database, services.stores.blobs
    assert database.file is not None
    back_up(file=database.file, environment="local", blobs=blobs)


def needs_a_hand(page: str) -> list[str]:
    return re.findall(r"<li><strong>([^<]+)\.</strong>", page)


def test_a_site_in_order_needs_no_hand(services: Services) -> None:
    backed_up(services)
    page = logged_in(services).opens("/dashboard")
    assert page.status_code == 200
    assert "Nothing: every part is well." in page.text
    assert "test-1 (aaaaaaaaaaaa) is in use." in page.text
    assert f"The newest has all that was kept until {now():%d %B %Y}" in page.text
    assert f"Last read {now():%d %B %Y}" in page.text
    assert needs_a_hand(page.text) == []
    assert ">needs a hand<" not in page.text


def test_each_part_that_is_not_well_says_what_it_says_to_watchers(services: Services) -> None:
    backed_up(services)
    health = Health("D.", "S.", "B.", REFERENCE, spool="W.", waiting=3, work="J.", login=OK)
    page = logged_in(with_health(services, health)).opens("/dashboard").text
    parts = ["Database", "Files", "Files that wait", "Bundle", "Work in the background"]
    assert needs_a_hand(page) == parts
    assert all(f"</strong> {fault}" in page for fault in ("D.", "S.", "W.", "B.", "J."))
    assert "3 wait to be moved to the store." in page
    assert "Drawings cannot be compared and kept now." in page


def test_a_password_that_cannot_be_read_says_since_when(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed_up(services)
    admin = logged_in(services)
    assert services.access is not None
    secret = services.access.secret
    read_at = secret.read_at
    assert read_at is not None

    def away() -> AdminSecret:
        raise SecretUnavailable("Later.", "Secrets Manager does not answer.")

    monkeypatch.setattr(secret, "source", type("Away", (), {"read": staticmethod(away)})())
    secret.forget()
    page = admin.opens("/dashboard").text
    assert needs_a_hand(page) == ["Password"]
    assert "It cannot be read: Secrets Manager does not answer." in page
    assert f"Last read {read_at:%d %B %Y, %H:%M} UTC." in page


def test_a_site_that_was_never_backed_up_needs_a_hand(services: Services) -> None:
    page = logged_in(services).opens("/dashboard").text
    assert needs_a_hand(page) == ["Backups"]
    assert "None was made yet" in page


def test_so_does_one_whose_newest_backup_is_old(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed_up(services)
    admin = logged_in(services)
    monkeypatch.setattr(dashboard, "now", lambda: now() + timedelta(hours=7, minutes=1))
    page = admin.opens("/dashboard").text
    assert needs_a_hand(page) == ["Backups"]
    assert "older than seven hours" in page
    assert "The newest has all that was kept until" in page


def test_the_last_drill_is_told_with_what_was_wrong(services: Services) -> None:
    admin = logged_in(services)
    backed_up(services)
    assert "None was recorded yet." in admin.opens("/dashboard").text
    drill(environment="local", blobs=services.stores.blobs)
    page = admin.opens("/dashboard").text
    assert needs_a_hand(page) == []
    assert f"The last one was on {now():%d %B %Y}" in page
    services.stores.blobs.put(
        RECORD, DrillRecord(now(), "The copy is missing.").as_bytes(), "application/json"
    )
    page = admin.opens("/dashboard").text
    assert needs_a_hand(page) == ["Restore drill"]
    assert "The last one failed: The copy is missing." in page


def test_a_drill_of_more_than_a_week_ago_needs_a_hand(services: Services) -> None:
    admin = logged_in(services)
    backed_up(services)
    old = DrillRecord(now() - timedelta(days=8))
    services.stores.blobs.put(RECORD, old.as_bytes(), "application/json")
    page = admin.opens("/dashboard").text
    assert needs_a_hand(page) == ["Restore drill"]
    assert "There was none for more than a week" in page


def counted(services: Services) -> None:
    """Two days in two months, visitors from three countries, and an hour in which nobody was."""
    database = services.stores.database
    today, before = now().date(), now().date() - timedelta(days=45)
    first, _ = published_week(today)
    with database.writing() as tx:
        add(tx, UsageDay, {"day": today}, analyses=3, processing_us=36_000, visits=2)
        add(tx, UsageDay, {"day": before}, analyses=40, failures=1, requests=90, server_errors=2)
        for country, visits in (("DE", 30), ("FR", 7), ("IT", 3), ("LU", 2)):
            add(tx, UsageCountry, {"day": first, "country": country}, visits=visits)
        add(tx, UsageHour, {"hour": hour_of(now())}, requests=1000, server_errors=1)
        say(tx, [now()], [])


def figures(page: str) -> dict[str, str]:
    found = re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)<", page)
    return {name: value.strip() for name, value in found}


def test_the_nine_figures_are_told_in_words(services: Services) -> None:
    admin = logged_in(services)
    counted(services)
    page = admin.opens("/dashboard").text
    assert figures(page) == {  # with the visit to log in
        "Analyses": "43", "Analyses today": "3", "Analyses this week": "3",
        "Analyses this month": "3", "Time of an analysis": "12 ms", "Visits today": "3",
        "Requests that failed": "0.1 %", "Time that the site was up": "100 %",
        "Visits by country": "",
    }  # fmt: skip
    assert re.findall(r'<th scope="row">([^<]+)</th><td class="number">([^<]+)</td></tr>', page)[
        :3
    ] == [("DE", "30"), ("FR", "7"), ("other countries", "5")]
    assert "IT" not in page
    assert "of what is known of 30 days; of 99.9" in page


def test_what_was_never_measured_is_no_number(services: Services) -> None:
    page = logged_in(services).opens("/dashboard").text
    assert figures(page)["Time of an analysis"] == "–"
    assert figures(page)["Analyses"] == "0"


@pytest.mark.parametrize(
    ("by", "named", "periods"),
    [("day", "%Y-%m-%d", 46), ("week", "%G-W%V", 7), ("month", "%Y-%m", 2)],
)
def test_the_past_is_shown_by_day_week_and_month_as_plots_and_as_a_table(
    services: Services, by: str, named: str, periods: int
) -> None:
    admin = logged_in(services)
    counted(services)
    page = admin.opens(f"/dashboard?by={by}").text
    assert page.count('<svg class="plot"') == 4
    rows = re.findall(r'<tr><th scope="row">([\dW-]+)</th><td class="number">([^<]+)', page)
    assert rows[0] == (f"{now():{named}}", "3")
    assert rows[-1][1] == "40"
    assert len(rows) in (periods, periods + 1)
    assert f'aria-current="page">By {by}' in page


def test_nobody_is_shown_another_period(services: Services) -> None:
    assert logged_in(services).opens("/dashboard?by=year").status_code == 422


def test_it_refreshes_itself_until_it_is_told_not_to(services: Services) -> None:
    admin = logged_in(services)
    page = admin.opens("/dashboard?by=week").text
    anew = re.findall(r'http-equiv="refresh" content="60; url=([^"]+)"', page)
    assert anew == ["/dashboard?by=week&amp;by_itself=1"]
    (stop,) = re.findall(r'<a href="([^"]+)">Stop refreshing</a>', page)
    assert "http-equiv" not in admin.opens(unescape(stop)).text


def test_looking_at_it_is_counted_nowhere(services: Services) -> None:
    admin = logged_in(services)
    services.requests.flush()
    before = read_metrics(services.stores.database, now()).metrics
    for _ in range(3):
        admin.opens("/dashboard")
    services.requests.flush()
    assert read_history(services.stores.database, "day", now())[-1].requests == 1  # the login's
    assert read_metrics(services.stores.database, now()).metrics == before


def test_it_opens_while_the_store_is_away(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: object, prefix: str) -> tuple[str, ...]:
        raise StorageUnavailable("The store is away.")

    monkeypatch.setattr(type(services.stores.blobs), "keys", away)
    page = logged_in(services).opens("/dashboard")
    assert page.status_code == 200
    assert "The store cannot be asked now: The store is away." in page.text
