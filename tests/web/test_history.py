"""The admin's list of drawings, at a browser and for a program."""

import html
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.types import Receive, Scope, Send

from app.access.secrets import AdminSecret
from app.bootstrap import Services
from app.storage.history import PAGE
from app.storage.tables import Analysis, Drawing, now
from app.web.app import create_app
from tests.conftest import StoredCount
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.admins import FORM, HASH, Admin
from tests.support.people.visitors import HTML, JSON, Visitor, a_png
from tests.support.stores.databases import a_row
from tests.support.stores.sites import Site

MARKER = 1


@pytest.fixture
def admin(visitor: Visitor, services: Services) -> Admin:
    """Logged in."""
    assert services.access is not None
    services.access.secret.source.write(AdminSecret(HASH, 1))
    admin = Admin(visitor)
    admin.logs_in()
    return admin


def hand_in(visitor: Visitor, age: str = "6", category: str = "") -> str:
    answer = visitor.submits(a_png(), age_years=age, category=category)
    return str(answer.json()["id"])


def shown(page: httpx.Response) -> list[str]:
    """The drawings that a page leads to."""
    return re.findall(r'class="when" href="/drawings/([^"]+)"', page.text)


def listed(admin: Admin, **filters: str) -> list[str]:
    """The same by the page and for a program."""
    query = f"?{urlencode(filters)}"
    found = shown(admin.opens(f"/history{query}"))
    told = admin.asks("GET", f"/api/history{query}", JSON).json()
    assert [drawing["id"] for drawing in told["drawings"]] == found
    return found


def fill(services: Services, count: int) -> None:
    """Many drawings, each an hour older than the one before."""
    result = FakeAnalyzer().analyze(a_png(), 6, "house").as_json()
    with services.stores.database.writing() as tx:
        for number in range(count):
            row = a_row(id=f"d{number:03}", created_at=now() - timedelta(hours=number))
            row.analyses = [Analysis(bundle_version="1", bundle_sha256="a" * 64, result=result)]
            tx.add(row)


def test_what_was_handed_in_is_listed_and_can_be_opened(admin: Admin, visitor: Visitor) -> None:
    first, second = hand_in(visitor, "6.5", "house"), hand_in(visitor, "7")
    page = admin.opens("/history")
    assert shown(page) == [second, first]
    assert "6.5 years, house" in page.text
    assert "very unusual" in page.text
    assert visitor.opens(f"/drawings/{first}").status_code == 200


def test_who_finds_nothing_is_told_so(admin: Admin) -> None:
    assert "There are no such drawings" in admin.opens("/history?age=6").text


def test_each_filter_leaves_what_it_names(
    admin: Admin, visitor: Visitor, analyzer: FakeAnalyzer
) -> None:
    house, cat = hand_in(visitor, "6", "house"), hand_in(visitor, "7.9", "cat")
    analyzer.p_value = 0.5
    usual = hand_in(visitor, "5")
    analyzer.p_value = None
    unknown = hand_in(visitor, "9")
    today = f"{now():%Y-%m-%d}"
    assert listed(admin, age="7") == [cat]
    assert listed(admin, category=" House ") == [house]
    assert listed(admin, flagged="yes") == [cat, house]
    assert listed(admin, flagged="no") == [usual]
    assert listed(admin, flagged="none") == [unknown]
    assert listed(admin, **{"from": today, "to": today}) == [unknown, usual, cat, house]
    assert listed(admin, to="2020-01-01") == []


def test_pages_follow_each_other_and_keep_their_filters(admin: Admin, services: Services) -> None:
    fill(services, PAGE + 3)
    first = admin.opens("/history?age=6")
    (older,) = re.findall(r'rel="next" href="([^"]+)"', first.text)
    second = admin.opens(html.unescape(older))
    assert [*shown(first), *shown(second)] == [f"d{number:03}" for number in range(PAGE + 3)]
    assert 'rel="next"' not in second.text
    assert 'href="/history?age=6">Newest' in second.text
    assert 'name="age" inputmode="numeric" autocomplete="off" value="6"' in second.text


def test_a_program_follows_the_pages_to_their_end(admin: Admin, services: Services) -> None:
    fill(services, PAGE + 3)
    seen, address = [], "/api/history?category=&age=6"
    while address:
        page = admin.asks("GET", address, JSON).json()
        seen += [drawing["id"] for drawing in page["drawings"]]
        address = page["next"]
    assert seen == [f"d{number:03}" for number in range(PAGE + 3)]
    assert page["drawings"][0]["links"]["page"] == "/drawings/d050"
    assert page["drawings"][0]["flagged"] is True
    assert page["drawings"][0]["bundle"]["version"] == "test-1"


@pytest.mark.parametrize(
    ("name", "field", "typed", "said"),
    [
        ("age", "age", "six", "An age is a whole number of years from 2 to 18"),
        ("age", "age", "19", "An age is a whole number of years from 2 to 18"),
        ("category", "category", "x" * 65, "in at most 64 letters"),
        ("flagged", "flagged", "<b>", "Flagged is yes, no, or none"),
        ("from", "first", "31.12.2026", "A day is written as 2026-11-30"),
        ("to", "last", "2026-02-30", "A day is written as 2026-11-30"),
    ],
)
def test_a_wrong_value_is_said_beside_its_field_and_kept_as_typed(
    admin: Admin, visitor: Visitor, name: str, field: str, typed: str, said: str
) -> None:
    kept = hand_in(visitor)
    page = admin.opens(f"/history?{urlencode({name: typed})}")
    assert page.status_code == 422
    assert kept not in page.text
    assert f'value="{html.escape(typed)}"' in page.text
    beside = re.search(rf'id="{field}-problem" role="alert">([^<]+)<', page.text)
    assert beside is not None
    assert said in beside[1]
    assert f'aria-describedby="{field}-problem"' in page.text
    told = admin.asks("GET", f"/api/history?{urlencode({name: typed})}", JSON)
    assert told.status_code == 422
    assert said in told.json()["detail"]


def test_the_last_day_is_not_before_the_first(admin: Admin) -> None:
    page = admin.opens("/history?from=2026-11-30&to=2026-11-29")
    assert page.status_code == 422
    assert "The last day is before the first" in page.text


@pytest.mark.parametrize("address", ["/history", "/api/history"])
@pytest.mark.parametrize("query", ["cursor=forged", "cursor=%00", "ages=6"])
def test_what_was_made_up_is_refused_in_a_sentence(admin: Admin, address: str, query: str) -> None:
    assert admin.opens(f"{address}?{query}").status_code == 422


@given(query=st.dictionaries(st.sampled_from(
    ["age", "category", "flagged", "from", "to", "cursor"]), st.text(max_size=80)))  # fmt: skip
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_breaks_the_list(admin: Admin, query: dict[str, str]) -> None:
    asked = urlencode(query, errors="replace")
    assert admin.opens(f"/history?{asked}").status_code in (200, 422)
    assert admin.asks("GET", f"/api/history?{asked}", JSON).status_code in (200, 422)


def test_deleting_leads_back_to_the_same_list(
    admin: Admin, visitor: Visitor, services: Services, stored: StoredCount
) -> None:
    drawing = hand_in(visitor, "6", "house")
    page = admin.opens("/history?age=6&category=house").text
    (form,) = re.findall(rf'action="(/history/{drawing}/forget)"', page)
    (back,) = re.findall(r'name="back" value="([^"]*)"', page)
    gone = admin.sends(form, back=html.unescape(back))
    assert (gone.status_code, gone.headers["location"]) == (303, "/history?age=6&category=house")
    assert gone.headers["clear-site-data"] == '"cache"'
    assert stored() == (0, MARKER)
    assert Site(services.stores.database, services.stores.blobs).has_marked(drawing)


def test_deleting_what_is_gone_already_is_no_fault(admin: Admin) -> None:
    again = admin.sends("/history/never/forget", back="")
    assert (again.status_code, again.headers["location"]) == (303, "/history")


@pytest.mark.parametrize(
    "back", ["?//example.org", "https://example.org", "?x=1\r\nSet-Cookie: a=b", "?" + "a=1&" * 99]
)
def test_nobody_is_led_elsewhere_by_deleting(admin: Admin, back: str) -> None:
    assert admin.sends("/history/never/forget", back=back).headers["location"] == "/history"


def test_only_our_own_page_of_who_is_logged_in_deletes(
    admin: Admin, visitor: Visitor, stored: StoredCount
) -> None:
    path = f"/history/{hand_in(visitor)}/forget"
    foreign = {**HTML, **FORM, "Sec-Fetch-Site": "cross-site"}
    assert admin.asks("POST", path, foreign, b"back=").status_code == 403
    assert Admin(visitor).sends(path).headers["location"] == "/login"
    assert admin.opens(path).status_code == 405
    assert stored() == (1, 2)


def test_an_example_is_neither_listed_nor_deleted(
    admin: Admin, visitor: Visitor, services: Services
) -> None:
    drawing = hand_in(visitor)
    Site(services.stores.database, services.stores.blobs).shows(drawing)
    assert drawing not in admin.opens("/history").text
    assert admin.sends(f"/history/{drawing}/forget").status_code == 403
    with services.stores.database.reading() as tx:
        assert tx.scalars(select(Drawing.id)).all() == [drawing]


def test_under_a_stage_every_address_leads_back_to_it(services: Services, admin: Admin) -> None:
    hand_in(admin.visitor, "6")

    async def staged(scope: Scope, receive: Receive, send: Send) -> None:
        under = {**scope, "root_path": "/prod", "path": f"/prod{scope['path']}"}
        await create_app(services)(under, receive, send)

    there = replace(admin, visitor=Visitor(staged))
    page = there.opens("/history?age=6").text
    addresses = re.findall(r'(?:href|action|src)="(/[^"]*)"', page)
    assert addresses
    assert [one for one in addresses if not one.startswith("/prod/")] == []
    gone = there.sends("/history/never/forget", back="?age=6")
    assert gone.headers["location"] == "/prod/history?age=6"
