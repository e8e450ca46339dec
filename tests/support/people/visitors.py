"""A visitor: somebody who opens pages and hands in drawings, with no account."""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import dataclass, field

import httpx
from PIL import Image, ImageDraw
from starlette.types import ASGIApp

from tests.support.data.pictures import as_bytes

JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html"}
Part = tuple[str | None, bytes]
Parts = dict[str, Part] | list[tuple[str, Part]]


def a_png(size: int = 96, colour: str = "black") -> bytes:
    """A PNG of a house, more or less."""
    picture = Image.new("RGB", (size, size), "white")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((size // 4, size // 2, 3 * size // 4, size - 8), outline=colour, width=3)
    pen.line((size // 4, size // 2, size // 2, 10, 3 * size // 4, size // 2), colour, 3)
    return as_bytes(picture)


@dataclass(frozen=True)
class Visitor:
    """Each request runs the application anew in this thread, so that visitors can race.

    Not Starlette's ``TestClient``: that one deprecates the ``httpx`` which we have.
    """

    app: ASGIApp
    headers: dict[str, str] = field(default_factory=lambda: dict(HTML))

    def opens(self, path: str, **headers: str) -> httpx.Response:
        """GET; a keyword like ``if_none_match`` is a header."""
        return self.asks("GET", path, headers=_named(headers))

    def submits(
        self,
        image: bytes | None = None,
        *,
        to: str = "/api/drawings",
        filename: str = "drawing.png",
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> httpx.Response:
        """Hand in a drawing with the other fields of the form."""
        files = {name: (None, text.encode()) for name, text in fields.items()}
        parts: dict[str, tuple[str | None, bytes]] = dict(files)
        if image is not None:
            parts["image"] = (filename, image)
        return self.asks(
            "POST", to, files=parts or {"category": (None, b"")}, headers=headers or {}
        )

    def asks(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        files: Parts | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
    ) -> httpx.Response:
        """Any request; redirects are returned, not followed."""

        both = httpx.Headers(self.headers)
        both.update(headers)

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(
                    method,
                    path,
                    headers=both,
                    files=files,
                    content=content,
                )

        return asyncio.run(send())


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
