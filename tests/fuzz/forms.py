"""Forms: any body is answered or refused by the whole application, and a refused one is not kept.

The first line of the bytes says where they are sent and as what type; the others are the body.
"""

import asyncio
import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from starlette.types import ASGIApp, Message

from app.environment import Settings
from app.errors import UnreadableDrawing
from app.inference.analysis import Analysis, check_age
from app.scoring.assessment import LEVEL
from app.web.app import create_app
from tests.fuzz.refusals import check_sentence
from tests.support import ROOT
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.data.bodies import AGE, CATEGORY, DRAWING, IMAGE, TYPE, UNKEPT, Field, body
from tests.support.stores.sites import Site, open_services

ADDRESSES: Final = {b"api": "/api/drawings", b"page": "/upload"}
LONGEST: Final = 4096
ANSWERED: Final = (200, 201, 303)
KEPT: Final = (201, 303)
REFUSED: Final = (400, 413, 415, 422)
WORDS: Final = (
    b"\r\n--B\r\n", b"\r\n--B--\r\n", b"Content-Disposition: form-data; ", b"boundary=",
    b'name="image"; filename="a.png"', b'name="keep"', b"false", b"true", b'name="age_years"',
    b'name="category"', b'name="attempt"', b'name="picture_again"', b"filename*=utf-8''",
    b"Content-Type: text/plain; charset=", b"Content-Transfer-Encoding: base64", b"_charset_",
    b"application/x-www-form-urlencoded", b"multipart/form-data", b"\r\n\r\n", b"5;6", b"66 months",
)  # fmt: skip
# A whole part between two boundaries, wherever it is: the wish that nothing be kept.
WISH: Final = re.compile(
    rb'(?:^|\r\n)--B\r\nContent-Disposition: form-data; name="keep"\r\n\r\nfalse\r\n--B(?:--)?\r\n'
)
BODIES: Final[tuple[tuple[Field, ...], ...]] = (
    (IMAGE, AGE),
    (IMAGE, AGE, CATEGORY, UNKEPT),
    (UNKEPT, AGE, IMAGE),
    (IMAGE, AGE, ('name="attempt"', b"a1")),
    (AGE, ('name="picture_again"', b"iVBO"), ('name="picture_again"', b"Rw0K")),
    (IMAGE, ('name="age_years"', b"5 Jahre 6 Monate"), ('name="category"', "é".encode())),
    (IMAGE,),
    (AGE, ('name="keep"', b"true"), UNKEPT),
    (('name="image"', b"text"), AGE),
    (),
)


def seeds() -> Iterator[bytes]:
    """Whole bodies, to the page and to the API, and bodies that are not well formed."""
    for place in ADDRESSES:
        line = place + b" " + TYPE.encode() + b"\n"
        yield from (line + body(*fields) for fields in BODIES)
        yield line + body(IMAGE, AGE, end=b"")
        yield line + (ROOT / "tests/cases/multipart_without_end.bin").read_bytes()
    yield b"api application/json\n{}"
    yield b"api application/x-www-form-urlencoded\nage_years=6&keep=false"
    yield b"page multipart/form-data\n" + body(IMAGE, AGE)


def damaged(content: bytes, source: random.Random) -> bytes:
    """With one of its lines away, twice or elsewhere."""
    lines = content.split(b"\r\n")
    line = lines.pop(source.randrange(len(lines)))
    for _ in range(source.randrange(3)):
        lines.insert(source.randint(0, len(lines)), line)
    return b"\r\n".join(lines)


@contextmanager
def opened(folder: Path) -> Iterator[Callable[[bytes], None]]:
    """Takes any bytes; raises if they escape."""
    environ = {"DATA_DIR": str(folder / "var"), "UPLOADS_PER_MINUTE": "0"}
    settings = Settings.load({"ENVIRONMENT": "local", **environ}, folder)
    with asyncio.Runner() as loop, open_services(settings, AtOnce()) as services:
        site = Site(services.stores.database, services.stores.blobs)
        app = create_app(services)
        yield lambda content: _take(content, app, site, loop)


@dataclass
class AtOnce(FakeAnalyzer):
    """Answers as soon as the form is read: alike for whatever begins as a PNG does."""

    ready: Analysis = field(default_factory=lambda: FakeAnalyzer().analyze(DRAWING, 6.0, None))

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        check_age(age_years)
        if not content.startswith(DRAWING[:8]):
            raise UnreadableDrawing("This is no PNG; send one.")
        return self.ready


def _take(content: bytes, app: ASGIApp, site: Site, loop: asyncio.Runner) -> None:
    line, _, rest = content.partition(b"\n")
    place, _, kind = line.partition(b" ")
    response = Response()
    address = ADDRESSES.get(place, "/api/drawings")

    async def ask() -> None:
        await app(_scope(address, kind), _sending(rest), response.take)

    loop.run(ask())
    assert response.status in (*ANSWERED, *REFUSED), response
    if response.status in REFUSED and address.startswith("/api/"):
        check_sentence(response.json()["detail"])
    if kind == TYPE.encode() and WISH.search(rest):
        assert response.status not in KEPT, response
    if response.status not in KEPT:
        assert not site.drawings, response
        assert not site.stored, response
        return
    (kept,) = site.drawings
    assert site.referred == site.stored
    site.forgets(kept, datetime.now(UTC))


@dataclass
class Response:
    """What the application sends."""

    status: int = 0
    body: bytes = b""

    async def take(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")

    def json(self) -> Any:  # noqa: ANN401 (of any shape)
        return json.loads(self.body)


def _scope(address: str, kind: bytes) -> dict[str, Any]:
    """As a server hands it on, which lets no control character into a header."""
    header = re.sub(rb"[\x00-\x1f\x7f]", b"", kind).strip()
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": address,
        "query_string": b"",
        "headers": [(b"host", b"test"), (b"content-type", header)],
        "server": ("test", 80),
        "client": ("127.0.0.1", 1),
    }


def _sending(content: bytes) -> Callable[[], Any]:
    """In one piece; whoever asks again is told that the connection has ended."""
    messages: list[Message] = [{"type": "http.request", "body": content}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive
