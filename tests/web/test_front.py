"""The secret of what stands in front, whom it is believed to speak for, and what it shows."""

import logging
from ipaddress import ip_address

import pytest
from fastapi import FastAPI, Request

from app.bootstrap import Services
from app.web.access import public
from app.web.app import create_app
from app.web.deps import client_address, country_of
from app.web.front import NO_FRONT, Front, OriginSecret
from tests.conftest import StoredCount
from tests.support.people.visitors import Visitor, a_png

SECRET, NEW_SECRET = "5ecret" * 6, "new-5ecret" * 4
ADDRESS = "https://drawings.example.org"
CLOUDFRONT = {
    "X-Origin-Verify": SECRET,
    "CloudFront-Viewer-Address": "198.51.100.10:46532",
    "CloudFront-Viewer-Country": "DE",
}
FORGED = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "::9"}


def site(services: Services, front: Front) -> FastAPI:
    """With a route that tells what is known of whoever asks."""
    app = create_app(services, front=front)

    @app.get("/told")
    @public
    def tell(request: Request) -> dict[str, object]:
        address = client_address(request.scope)
        return {
            "address": None if address is None else str(address),
            "country": country_of(request.scope),
            "headers": sorted(request.headers),
        }

    return app


@pytest.fixture
def guarded(services: Services) -> Visitor:
    """A site that is only reached through CloudFront."""
    return Visitor(site(services, Front(ADDRESS, (SECRET, NEW_SECRET))))


@pytest.mark.parametrize("secret", [SECRET, NEW_SECRET], ids=["old", "new"])
def test_both_secrets_let_in_while_one_replaces_the_other(guarded: Visitor, secret: str) -> None:
    answer = guarded.asks("GET", "/", headers={"X-Origin-Verify": secret})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "secret", [None, "", "wrong", SECRET[:-1], f"{SECRET}x", f"{SECRET},{NEW_SECRET}"]
)
@pytest.mark.parametrize("path", ["/", "/healthz", "/api/demo", "/static/site.css", "/nowhere"])
def test_without_one_nothing_is_answered(guarded: Visitor, secret: str | None, path: str) -> None:
    headers = {} if secret is None else {"X-Origin-Verify": secret}
    answer = guarded.asks("GET", path, headers=headers)
    assert answer.status_code == 403
    assert "by its public address" in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert SECRET not in answer.text


def test_nothing_is_kept_of_an_upload_without_one(guarded: Visitor, stored: StoredCount) -> None:
    assert guarded.submits(a_png(), age_years="6").status_code == 403
    assert stored() == (0, 0)


def test_the_tasks_own_health_check_needs_none(guarded: Visitor) -> None:
    assert guarded.opens("/livez").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("198.51.100.10:46532", "198.51.100.10"),
        ("2001:db8:85a3::8a2e:370:7334:46532", "2001:db8:85a3::8a2e:370:7334"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:198.51.100.10:46532", "198.51.100.10"),
        ("198.51.100.10", None),
        ("nonsense:1", None),
        ("", None),
    ],
)
def test_the_visitors_address_is_what_cloudfront_says(
    guarded: Visitor, said: str, address: str | None
) -> None:
    headers = {**CLOUDFRONT, **FORGED, "CloudFront-Viewer-Address": said}
    assert guarded.asks("GET", "/told", headers=headers).json()["address"] == address


@pytest.mark.parametrize(("said", "country"), [("DE", "DE"), ("de", None), ("D\te", None)])
def test_the_country_is_two_letters_or_not_known(
    guarded: Visitor, said: str, country: str | None
) -> None:
    headers = {**CLOUDFRONT, "CloudFront-Viewer-Country": said}
    assert guarded.asks("GET", "/told", headers=headers).json()["country"] == country


def test_without_a_secret_only_the_connection_is_believed(services: Services) -> None:
    visitor = Visitor(site(services, NO_FRONT))
    told = visitor.asks("GET", "/told", headers={**CLOUDFRONT, **FORGED}).json()
    assert (told["address"], told["country"]) == ("127.0.0.1", None)


def test_the_secret_goes_no_further_than_its_check(
    guarded: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = guarded.asks("GET", "/told", headers=CLOUDFRONT)
    assert "x-origin-verify" not in told.json()["headers"]
    assert SECRET not in told.text
    assert SECRET not in caplog.text
    assert SECRET not in repr(Front(ADDRESS, (SECRET,)))
    assert SECRET not in repr(OriginSecret(guarded.app, (SECRET,)))


def test_what_is_no_address_is_not_known() -> None:
    assert client_address({"client": None}) is None
    assert client_address({"client": ("testclient", 1)}) is None
    assert client_address({"client": ("203.0.113.9, 10.0.0.1", 0)}) is None
    assert client_address({"client": ("2001:DB8::1", 1)}) == ip_address("2001:db8::1")


@pytest.mark.parametrize(
    ("address", "prefix", "origin"),
    [
        ("https://a.org", "", "https://a.org"),
        ("https://A.org:443/", "", "https://a.org"),
        ("https://a.org:8443/drawings/", "/drawings", "https://a.org:8443"),
        ("http://a.org:80/b/c", "/b/c", "http://a.org"),
        (None, None, None),
    ],
)
def test_the_address_tells_what_links_begin_with_and_what_a_browser_calls_it(
    address: str | None, prefix: str | None, origin: str | None
) -> None:
    front = Front(address)
    assert (front.prefix, front.origin) == (prefix, origin)
