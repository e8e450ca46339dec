"""Size, origin, headers and access levels."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from app.bootstrap import Services
from app.errors import ConfigurationError
from app.web.access import check_access_levels, public
from app.web.app import create_app
from app.web.forms import LARGE, UploadLimit
from app.web.front import Front
from app.web.rendering import TEMPLATES
from app.web.security import LARGEST_OTHER, BodyLimit, Room
from app.web.static_files import FOLDER
from tests.conftest import StoredCount
from tests.support.people.visitors import JSON, Visitor, a_png

MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
CHUNK = b"x" * 65536
LIMIT = UploadLimit(1)


@pytest.mark.parametrize("path", ["/", "/upload", "/nowhere", "/healthz", "/api/demo"])
def test_every_answer_binds_the_browser(visitor: Visitor, path: str) -> None:
    headers = visitor.opens(path).headers
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy)
    assert {"base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert not any("unsafe" in rule or "nonce" in rule or "*" in rule for rule in policy)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert "camera=()" in headers["permissions-policy"]
    assert "server" not in headers


INLINE = (
    r"<style", r"\sstyle\s*=", r"\son[a-z]+\s*=", r"javascript:", r"srcdoc", r"<base",
    r"<script(?![^>]*\ssrc=)", r"<i?frame", r"<object", r"<embed",
)  # fmt: skip


@pytest.mark.parametrize("template", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_no_template_has_what_the_policy_forbids(template: Path) -> None:
    """This is why the policy needs no nonces."""
    text = template.read_text(encoding="utf-8")
    assert [rule for rule in INLINE if re.search(rule, text, re.IGNORECASE)] == []
    assert "|safe" not in text


SINKS = ("eval(", "new Function", "innerHTML", "outerHTML", "document.write", "insertAdjacentHTML")


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_no_script_makes_code_or_elements_of_text(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert [sink for sink in SINKS if sink in text] == []


@pytest.mark.parametrize("path", ["/", "/upload"])
def test_pages_load_nothing_from_elsewhere(visitor: Visitor, path: str) -> None:
    page = visitor.opens(path).text
    assert "http://" not in page
    assert "https://" not in page


@pytest.mark.parametrize(
    ("address", "told"),
    [(None, None), ("http://a.org", None), ("https://a.org", "max-age=31536000")],
)
def test_browsers_are_bound_to_https_where_visitors_use_it(
    services: Services, address: str | None, told: str | None
) -> None:
    answer = Visitor(create_app(services, front=Front(address))).opens("/nowhere")
    assert answer.headers.get("strict-transport-security") == told


@pytest.mark.parametrize(
    "headers",
    [{f"X-{number}": "a" for number in range(120)}, {"Cookie": "a" * 17_000}],
    ids=["too many", "too long"],
)
def test_headers_beyond_a_measure_are_refused(visitor: Visitor, headers: dict[str, str]) -> None:
    answer = visitor.asks("GET", "/", headers=headers)
    assert answer.status_code == 431
    assert "delete the cookies of this site" in answer.text


def test_an_address_beyond_a_measure_is_refused(visitor: Visitor) -> None:
    assert visitor.opens("/upload?" + "a" * 17_000).status_code == 431


def test_a_form_has_so_many_parts_and_no_more(visitor: Visitor, stored: StoredCount) -> None:
    parts: list[tuple[str, tuple[str | None, bytes]]] = [("picture_again", (None, b""))] * 40
    answer = visitor.asks("POST", "/api/drawings", files=parts)
    assert (answer.status_code, "too many fields" in answer.json()["detail"]) == (422, True)
    assert stored() == (0, 0)


@pytest.mark.parametrize("field", ["age_years", "category", "keep", "attempt"])
def test_a_text_has_so_many_letters_and_no_more(visitor: Visitor, field: str) -> None:
    parts = {"age_years": (None, b"6"), "image": ("a.png", a_png()), field: (None, b"x" * 1001)}
    answer = visitor.asks("POST", "/api/drawings", files={**parts})
    assert answer.status_code == 422
    assert answer.json()["detail"] == f"The field {field} is longer than 1000 letters."


@pytest.fixture
def small(services: Services) -> Services:
    """Of a package that takes pictures of 1 MB."""
    return replace(services, largest_upload_mb=LIMIT.megabytes)


def within(room: Room, services: Services) -> Visitor:
    """Who has no other room for a body."""
    return Visitor(BodyLimit(create_app(services), LIMIT, room))


async def stopped(size: int, going: threading.Event, seconds: float = 60) -> AsyncIterator[bytes]:
    """A body that does not go on once so much of it was sent."""
    yield bytes(size)
    going.set()
    await asyncio.sleep(seconds)
    yield b"x"


def sends(
    visitor: Visitor, content: AsyncIterator[bytes], to: str = "/api/drawings"
) -> httpx.Response:
    return visitor.asks("POST", to, headers={**MULTIPART, **JSON}, content=content)


def test_a_small_upload_finds_room_and_what_has_been_coming_for_the_longest_is_broken_off(
    services: Services,
) -> None:
    room, begun = Room(small=2 * len(CHUNK)), (threading.Event(), threading.Event())
    visitor = within(room, services)
    with ThreadPoolExecutor(2) as threads:
        oldest = threads.submit(sends, visitor, stopped(len(CHUNK), begun[0]))
        begun[0].wait()
        younger = threads.submit(sends, visitor, stopped(len(CHUNK), begun[1], seconds=1))
        begun[1].wait()
        assert visitor.submits(a_png(), age_years="6").status_code == 201
        assert (oldest.result().status_code, younger.result().status_code) == (503, 400)
    assert oldest.result().headers["retry-after"] == "30"
    assert oldest.result().json()["detail"].startswith("Many drawings are being sent")
    assert room.is_empty


def test_where_whole_bodies_fill_the_room_who_comes_is_told_to_come_again(
    services: Services,
) -> None:
    room = Room(small=1000)
    answer = within(room, services).submits(a_png() + bytes(2000), age_years="6")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert room.is_empty


def test_large_bodies_that_stop_keep_other_large_ones_out_and_small_ones_never(
    services: Services,
) -> None:
    room, begun = Room(large=1), threading.Event()
    visitor, picture = within(room, services), a_png().ljust(LARGE + 1, b"\0")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(sends, visitor, stopped(LARGE + 1, begun, seconds=1))
        begun.wait()
        assert visitor.submits(picture, age_years="6").status_code == 503
        assert visitor.submits(a_png(), age_years="6").status_code == 201
        assert first.result().status_code == 400
    assert visitor.submits(picture, age_years="6").status_code == 201
    assert room.is_empty


def test_whoever_takes_an_answer_slowly_keeps_no_room(services: Services) -> None:
    room, at_each_part = Room(), list[bool]()
    guarded = BodyLimit(create_app(services), LIMIT, room)

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_note(message: Message) -> None:
            at_each_part.append(room.is_empty and "form" not in scope["state"])
            await send(message)

        await guarded(scope, receive, send_and_note)

    for content in (a_png(), b"no picture"):
        Visitor(watched).submits(content, to="/upload", age_years="6", keep="false")
    assert set(at_each_part) == {True}


@pytest.mark.parametrize("to", ["/login", "/configuration/tokens", "/configuration/tokens/revoke"])
def test_where_no_picture_is_sent_a_body_is_short(visitor: Visitor, to: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", **JSON}
    answer = visitor.asks("POST", to, headers=form, content=b"name=" + b"x" * LARGEST_OTHER)
    assert (answer.status_code, "More was sent" in answer.json()["detail"]) == (413, True)


def test_a_stream_with_no_length_is_refused_once_it_is_too_long(small: Services) -> None:
    visitor = Visitor(create_app(small))
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


PLACES = pytest.mark.parametrize("to", ["/upload", "/api/drawings"])


@PLACES
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "nonsense"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://test.evil.example"},
        {"Origin": "null"},
        {"Origin": "http://test:8000"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://test", "Sec-Fetch-Site": "cross-site"},
    ],
    ids=lambda headers: ", ".join(headers.values()),
)
def test_what_another_sites_page_sends_is_refused(
    visitor: Visitor, stored: StoredCount, to: str, headers: dict[str, str]
) -> None:
    response = visitor.submits(a_png(), to=to, age_years="6", headers=headers)
    assert response.status_code == 403
    assert "sent from another site" in response.text
    assert "content-security-policy" in response.headers
    assert stored() == (0, 0)


@PLACES
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://test", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://test"},  # something in front ends TLS
    ],
    ids=lambda headers: ", ".join(headers.values()) or "a program",
)
def test_our_own_forms_and_programs_are_answered(
    visitor: Visitor, to: str, headers: dict[str, str]
) -> None:
    assert visitor.submits(a_png(), to=to, age_years="6", headers=headers).status_code in (201, 303)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://drawings.example.org", 303),
        ("http://drawings.example.org", 403),
        ("https://example.org", 403),
        ("http://test", 403),
    ],
)
def test_with_a_public_address_set_forms_come_from_there(
    services: Services, origin: str, status: int
) -> None:
    """Not from the host that the request names, which is the gateway's own."""
    visitor = Visitor(create_app(services, front=Front("https://drawings.example.org/sketch")))
    response = visitor.submits(a_png(), to="/upload", age_years="6", headers={"Origin": origin})
    assert response.status_code == status


def test_anybody_may_follow_a_link_from_another_site(visitor: Visitor) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://other.example"}
    assert visitor.asks("GET", "/", headers=headers).status_code == 200


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
    assert answer.headers["cache-control"] == "no-store"
