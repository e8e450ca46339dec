"""A picture too large for the package is refused with the limit, and the form stays as it was."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from html import unescape

import httpx
import pytest

from app.bootstrap import Services
from app.environment import Settings
from app.web.app import create_app
from app.web.forms import UploadLimit
from app.web.security import LARGE_AT_ONCE
from tests.conftest import StoredCount
from tests.support.people.visitors import HTML, Visitor, a_png

LIMIT = UploadLimit(1)
TYPE = {"Content-Type": "multipart/form-data; boundary=B"}
TYPED = {"age_years": "6;3", "category": 'a "cat"', "keep": "false"}
SENTENCE = (
    "The file is larger than 1 MB, the most that can be sent here; save the picture smaller, such "
    "as a JPEG at 300 dpi."
)
# One byte more than a file may have; more than a body may; nearly as much as is read of one.
SIZES = [LIMIT.picture + 1, LIMIT.body + 1, LIMIT.read - 2000]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, largest_upload_mb=LIMIT.megabytes)


def field(name: str, value: str) -> bytes:
    head = f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return f"{head}{value}\r\n".encode()


FIELDS = b"".join(field(name, value) for name, value in TYPED.items())


async def form(size: int, before: bytes, behind: bytes) -> AsyncIterator[bytes]:
    """A body whose picture has ``size`` bytes, in pieces as they come over a network."""
    yield before + b'--B\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    for start in range(0, size, 65_536):
        yield b"x" * min(65_536, size - start)
    yield b"\r\n" + behind + b"--B--\r\n"


def shown_again(page: httpx.Response) -> bool:
    return all(
        part in unescape(page.text)
        for part in (SENTENCE, 'value="6;3"', 'value="a "cat""', 'value="false" checked')
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("parts", [(FIELDS, b""), (b"", FIELDS)], ids=["before", "behind"])
def test_the_form_keeps_what_was_typed_before_or_behind_the_picture(
    visitor: Visitor, stored: StoredCount, size: int, parts: tuple[bytes, bytes]
) -> None:
    page = visitor.asks("POST", "/upload", headers=HTML | TYPE, content=form(size, *parts))
    assert page.status_code == 413
    assert shown_again(page)
    assert 'name="image" required' in page.text
    assert stored() == (0, 0)


@pytest.mark.parametrize("size", [*SIZES, 2 * LIMIT.read])
def test_a_program_is_told_the_limit_and_the_cure(
    visitor: Visitor, stored: StoredCount, size: int
) -> None:
    content = form(size, FIELDS, b"")
    answer = visitor.asks("POST", "/api/drawings", headers=TYPE, content=content)
    assert (answer.status_code, answer.json()["detail"]) == (413, SENTENCE)
    assert stored() == (0, 0)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=C", ""])
def test_a_body_that_is_too_large_and_no_form_is_refused_by_its_size(
    visitor: Visitor, kind: str
) -> None:
    content = form(LIMIT.body, FIELDS, b"")
    page = visitor.asks("POST", "/upload", headers=HTML | {"Content-Type": kind}, content=content)
    assert page.status_code == 413
    assert SENTENCE in unescape(page.text)


def test_the_page_says_the_limit_before_anything_is_sent(visitor: Visitor) -> None:
    page = visitor.opens("/upload").text
    assert "up to 1 MB" in page
    assert f'data-largest="{LIMIT.picture}"' in page
    assert f'data-too-large="{SENTENCE}"' in page


def test_a_picture_as_large_as_is_allowed_is_answered(visitor: Visitor) -> None:
    padded = a_png().ljust(LIMIT.picture, b"\0")
    assert visitor.submits(padded, age_years="6").status_code == 201


def test_a_site_whose_files_are_in_a_folder_says_that_it_takes_no_uploads_by_key(
    visitor: Visitor, stored: StoredCount
) -> None:
    key = "uploads/" + "x" * 32
    for answer in (
        visitor.asks("POST", "/api/uploads"),
        visitor.submits(None, age_years="6", key=key),
    ):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert "takes no uploads by key; send a picture of up to 1 MB" in answer.json()["detail"]
    assert stored() == (0, 0)


@pytest.fixture
def roomy(services: Services) -> Visitor:
    """Of the package that the service is."""
    return Visitor(create_app(replace(services, largest_upload_mb=9)))


def test_many_that_send_large_pictures_at_once_are_all_answered(roomy: Visitor) -> None:
    picture = a_png().ljust(3 * LIMIT.picture, b"\0")
    with ThreadPoolExecutor(6) as threads:
        answers = threads.map(lambda _: roomy.submits(picture, age_years="6"), range(6))
        assert [answer.status_code for answer in answers] == [201] * 6


def test_those_who_hang_up_take_no_place_from_others(roomy: Visitor) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for piece in form(3 * LIMIT.picture, FIELDS, b""):
            yield piece
        raise httpx.ReadError("the connection is gone")

    for _ in range(2 * LARGE_AT_ONCE):
        with suppress(httpx.ReadError):
            roomy.asks("POST", "/api/drawings", headers=TYPE, content=broken())
    picture = a_png().ljust(3 * LIMIT.picture, b"\0")
    assert roomy.submits(picture, age_years="6").status_code == 201
