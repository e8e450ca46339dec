"""What the admin sees of the site's state."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from app.access.secrets import AdminSecret
from app.actions.health import OK, Health, RecentHealth
from app.backups.back_up import back_up
from app.bootstrap import Services
from app.errors import SecretUnavailable, StorageUnavailable
from app.inference.analysis import BundleReference
from app.storage.tables import now
from app.web.app import create_app
from app.web.pages import dashboard
from tests.support.people.admins import HASH, Admin
from tests.support.people.visitors import Visitor

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


def test_it_opens_while_the_store_is_away(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: object, prefix: str) -> tuple[str, ...]:
        raise StorageUnavailable("The store is away.")

    monkeypatch.setattr(type(services.stores.blobs), "keys", away)
    page = logged_in(services).opens("/dashboard")
    assert page.status_code == 200
    assert "They cannot be listed now: The store is away." in page.text
