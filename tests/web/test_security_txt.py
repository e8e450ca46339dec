"""Whom to tell about a weakness."""

import re
from datetime import UTC, datetime, timedelta

from app.bootstrap import Services
from app.web.app import create_app
from app.web.front import Front
from tests.support.people.visitors import Visitor

PATH = "/.well-known/security.txt"
CONTACT = "mailto:safe@example.org"


def test_it_names_a_contact_and_ends_within_a_year(services: Services) -> None:
    app = create_app(services, front=Front("https://example.org/"), security_contact=CONTACT)
    answer = Visitor(app).opens(PATH)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert f"Contact: {CONTACT}\n" in answer.text
    assert f"Canonical: https://example.org{PATH}\n" in answer.text
    expires = re.search(r"^Expires: (\S+)$", answer.text, re.MULTILINE)
    assert expires is not None
    left = datetime.fromisoformat(expires[1]) - datetime.now(UTC)
    assert timedelta(days=30) < left < timedelta(days=365)


def test_with_no_contact_there_is_no_such_page(visitor: Visitor) -> None:
    answer = visitor.opens(PATH, accept="application/json")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
