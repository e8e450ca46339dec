"""Size, origin, headers and access levels."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fastapi import FastAPI

from app.bootstrap import Services
from app.errors import ConfigurationError
from app.web.access import check_access_levels, public
from app.web.app import create_app
from app.web.forms import UploadLimit
from tests.support.people.visitors import Visitor, a_png

MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
CHUNK = b"x" * 65536
LIMIT = UploadLimit(1)


@pytest.mark.parametrize("path", ["/", "/upload", "/nowhere", "/healthz", "/api/demo"])
def test_every_answer_binds_the_browser(visitor: Visitor, path: str) -> None:
    headers = visitor.opens(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "img-src 'self' data: blob:" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/upload"])
def test_pages_need_nothing_that_the_policy_forbids(visitor: Visitor, path: str) -> None:
    page = visitor.opens(path).text
    assert "style=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert "http://" not in page
    assert "https://" not in page


def test_a_stream_with_no_length_is_refused_once_it_is_too_long(services: Services) -> None:
    visitor = Visitor(create_app(replace(services, largest_upload_mb=LIMIT.megabytes)))
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        while True:
            sent += len(CHUNK)
            yield CHUNK

    response = visitor.asks("POST", "/api/drawings", headers=MULTIPART, content=endless())
    assert response.status_code == 413
    assert LIMIT.body < sent <= LIMIT.read + 2 * len(CHUNK)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_a_form_from_another_site_is_refused(visitor: Visitor, site: str) -> None:
    response = visitor.submits(
        a_png(), to="/upload", age_years="6", headers={"Sec-Fetch-Site": site}
    )
    assert response.status_code == 403
    assert "sent from another site" in response.text
    assert "content-security-policy" in response.headers


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_form_is_accepted(visitor: Visitor, site: str) -> None:
    response = visitor.submits(
        a_png(), to="/upload", age_years="6", headers={"Sec-Fetch-Site": site}
    )
    assert response.status_code == 303


def test_the_api_is_open_to_other_sites(visitor: Visitor) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert visitor.submits(a_png(), age_years="6", headers=headers).status_code == 201


def test_a_route_without_an_access_level_stops_the_start() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.get("/open")(public(lambda: "open"))
    check_access_levels(app)
    app.get("/forgotten")(lambda: "forgotten")
    with pytest.raises(ConfigurationError, match="/forgotten declares no access level"):
        check_access_levels(app)


def test_an_unexpected_fault_is_one_sentence_and_binds_the_browser_too(
    services: Services,
) -> None:
    app = create_app(services)

    @app.get("/fault")
    @public
    def fault() -> None:
        raise RuntimeError("a secret detail")

    answer = Visitor(app).opens("/fault")
    assert answer.status_code == 500
    assert "not with what you sent" in answer.text
    assert "secret" not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
