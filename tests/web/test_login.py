"""Logging in as a browser does it, and what opens to whom."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from app.access.secrets import AdminSecret
from app.bootstrap import Services
from app.storage import tables
from app.web.app import create_app
from app.web.front import Front
from app.web.pages.login import leads_here
from tests.support.clocks import Clock
from tests.support.people.admins import HASH, Admin
from tests.support.people.visitors import JSON, Visitor


@pytest.fixture
def services(services: Services) -> Services:
    """With a password set, and a clock that stands still."""
    assert services.access is not None
    services.access.secret.source.write(AdminSecret(HASH, 1))
    return replace(services, access=replace(services.access, clock=Clock()))


@pytest.fixture
def admin(visitor: Visitor) -> Admin:
    return Admin(visitor)


SECRET = "5ecret" * 6


def coming_from(address: str, services: Services, **headers: str) -> Admin:
    """Through CloudFront, which has taken off whatever the request said of it."""
    told = {"X-Origin-Verify": SECRET, "CloudFront-Viewer-Address": f"{address}:46532"}
    site = create_app(services, front=Front("http://test", (SECRET,)))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Admin(Visitor(site, {**told, **named}))


def test_a_page_that_needs_a_login_leads_to_it_and_back(admin: Admin) -> None:
    sent_on = admin.opens("/configuration")
    assert (sent_on.status_code, sent_on.headers["location"]) == (
        303, f"/login?next={quote('/configuration', safe='')}",
    )  # fmt: skip
    form = admin.opens(sent_on.headers["location"])
    assert "/login?next=%2Fconfiguration" in form.text
    back = admin.logs_in(going_to="/configuration")
    assert (back.status_code, back.headers["location"]) == (303, "/configuration")
    assert admin.opens("/configuration").status_code == 200


def test_the_way_back_is_to_the_list_that_was_asked_for(admin: Admin) -> None:
    sent_on = admin.opens("/history?age=6&flagged=yes").headers["location"]
    form = admin.opens(sent_on).text
    assert "/login?next=%2Fhistory%3Fage%3D6%26flagged%3Dyes" in form
    back = admin.logs_in(going_to="/history?age=6&flagged=yes")
    assert back.headers["location"] == "/history?age=6&flagged=yes"


def test_only_who_is_logged_in_is_led_to_the_admins_side(admin: Admin) -> None:
    led = 'aria-label="Admin"'
    assert led not in admin.opens("/").text
    admin.logs_in()
    for path in ("/", "/upload", "/dashboard"):
        assert led in admin.opens(path).text
    admin.sends("/logout")
    assert led not in admin.opens("/").text


def test_a_page_for_everyone_opens_while_no_login_can_be_looked_up(
    admin: Admin, services: Services
) -> None:
    admin.logs_in()
    tables.AdminLogin.metadata.tables["admin_logins"].drop(services.stores.database.engine)
    page = admin.opens("/upload")
    assert page.status_code == 200
    assert 'aria-label="Admin"' not in page.text
    assert admin.opens("/dashboard").status_code == 503


def test_a_wrong_password_is_told_and_keeps_the_way(admin: Admin) -> None:
    again = admin.logs_in("wrong", going_to="/configuration")
    assert again.status_code == 401
    assert "The password is not right" in again.text
    assert "next=%2Fconfiguration" in again.text
    assert "wrong" not in again.text
    assert admin.opens("/configuration").status_code == 303


def test_who_guesses_has_to_wait(admin: Admin) -> None:
    answers = [admin.logs_in(f"guess {number}") for number in range(5)]
    assert [answer.status_code for answer in answers[:3]] == [401, 401, 401]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert admin.logs_in().status_code == 429  # the right one, too


def test_the_address_that_cloudfront_names_is_the_one_that_waits(services: Services) -> None:
    guesser = coming_from("203.0.113.7", services)
    assert [guesser.logs_in("guess").status_code for _ in range(4)][-1] == 429
    assert coming_from("203.0.113.8", services).logs_in().status_code == 303


@pytest.mark.parametrize("name", ["X_Forwarded_For", "Forwarded", "X_Real_IP"])
def test_a_guesser_changes_nothing_by_another_address_in_the_request(
    services: Services, name: str
) -> None:
    for number in range(3):
        one = coming_from("203.0.113.7", services, **{name: f"198.51.100.{number}"})
        assert one.logs_in("guess").status_code == 401
    one = coming_from("203.0.113.7", services, **{name: "198.51.100.9"})
    assert one.logs_in().status_code == 429


def test_with_no_secret_set_what_cloudfront_would_say_is_not_believed(services: Services) -> None:
    for number in range(4):
        said = {"CloudFront-Viewer-Address": f"198.51.100.{number}:1"}
        guesser = Admin(Visitor(create_app(services), said))
        status = guesser.logs_in("guess").status_code
    assert status == 429


def test_all_addresses_of_a_customer_wait_together(services: Services) -> None:
    for host in range(3):
        coming_from(f"2001:db8:0:1::{host}", services).logs_in("guess")
    assert coming_from("2001:db8:0:1:ffff::", services).logs_in().status_code == 429
    assert coming_from("2001:db8:0:2::", services).logs_in().status_code == 303


@pytest.mark.parametrize(("said", "country"), [("DE", "DE"), ("<b>", None), ("", None)])
def test_a_login_has_the_country_that_cloudfront_names(
    services: Services, said: str, country: str | None
) -> None:
    assert services.access is not None
    coming_from("203.0.113.7", services, CloudFront_Viewer_Country=said).logs_in()
    assert [login.country for login in services.access.live_logins()] == [country]


def test_the_cookie_is_for_no_script_and_no_other_site(admin: Admin) -> None:
    cookie = admin.logs_in().headers["set-cookie"]
    for attribute in ("HttpOnly", "Path=/", "SameSite=lax", "Max-Age=43200"):
        assert attribute in cookie
    assert cookie.startswith("login=")


def test_under_https_the_cookie_is_for_https_alone(services: Services) -> None:
    admin = Admin(Visitor(create_app(replace(services, secure=True))))
    cookie = admin.logs_in().headers["set-cookie"]
    assert cookie.startswith("__Host-login=")
    assert "Secure" in cookie
    assert admin.opens("/configuration").status_code == 200


def test_logging_out_ends_the_login_wherever_its_cookie_went(
    admin: Admin, visitor: Visitor
) -> None:
    admin.logs_in()
    thief = Admin(visitor, dict(admin.cookies))
    assert thief.opens("/configuration").status_code == 200
    admin.sends("/logout")
    assert admin.cookies == {}
    assert thief.opens("/configuration").status_code == 303


def test_logging_out_everywhere_ends_all(admin: Admin, visitor: Visitor) -> None:
    elsewhere = Admin(visitor)
    admin.logs_in()
    elsewhere.logs_in()
    admin.sends("/logout/everywhere")
    assert elsewhere.opens("/configuration").status_code == 303


def test_a_login_ends_when_it_was_not_used(admin: Admin, services: Services) -> None:
    admin.logs_in()
    assert services.access is not None
    an_hour_on = replace(services.access, clock=lambda: Clock()() + timedelta(minutes=61))
    later = Visitor(create_app(replace(services, access=an_hour_on)))
    assert Admin(later, dict(admin.cookies)).opens("/configuration").status_code == 303


def test_a_new_password_ends_every_login(admin: Admin, services: Services) -> None:
    admin.logs_in()
    assert services.access is not None
    secret = services.access.secret
    secret.source.write(AdminSecret(HASH, 2))
    secret.forget()
    assert admin.opens("/configuration").status_code == 303


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://example.org",
        "//example.org",
        "///example.org",
        "/\\example.org",
        "\\\\example.org",
        "javascript:alert(1)",
        "/a\tb",
        "/\x00",
        "/café",
        "configuration",
        "",
    ],
)
def test_nobody_is_led_to_another_site(admin: Admin, elsewhere: str) -> None:
    assert not leads_here(elsewhere)
    assert admin.logs_in(going_to=elsewhere).headers["location"] == "/dashboard"


def test_where_nothing_is_kept_the_page_says_where_to_log_in(services: Services) -> None:
    door = replace(services, access=None, elsewhere="Log in at https://example.org/login.")
    visitor = Visitor(create_app(door))
    assert "https://example.org/login" in visitor.opens("/login").text
    for path in ("/configuration", "/history", "/dashboard", "/api/history"):
        assert visitor.opens(path).status_code == 403


def test_a_program_is_told_what_it_lacks_in_json(visitor: Visitor) -> None:
    refused = visitor.asks("GET", "/configuration", headers=JSON)
    assert refused.status_code == 401
    assert refused.json()["detail"].startswith("Only who runs this site")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_a_token_is_made_shown_once_and_revoked(admin: Admin) -> None:
    admin.logs_in()
    made = admin.sends("/configuration/tokens", name="Study A", days="30", per_minute="10")
    assert "sketchnorm_" in made.text
    assert "sketchnorm_" not in admin.opens("/configuration").text
    assert "Study A" in admin.opens("/configuration").text
    admin.sends("/configuration/tokens/revoke", name="Study A")
    assert "revoked" in admin.opens("/configuration").text


def test_what_is_personal_is_in_no_cache(admin: Admin) -> None:
    admin.logs_in()
    for path in ("/login", "/configuration", "/history", "/api/history", "/dashboard"):
        assert admin.opens(path).headers["cache-control"] == "no-store"
