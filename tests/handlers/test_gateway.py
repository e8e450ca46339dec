"""The answer as API Gateway is given it."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from handlers.gateway import adapt
from tests.support.gateway.events import Shape

TEXT = "häuschen ✏"


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """Mangum would make one, and close none."""
    with closing(asyncio.new_event_loop()) as loop:
        asyncio.set_event_loop(loop)
        yield
        asyncio.set_event_loop(None)


def answered(media_type: str, shape: Shape) -> dict[str, Any]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(TEXT, media_type=media_type)(scope, receive, send)

    request = httpx.Request("GET", f"https://gateway{shape.prefix}/page")
    answer: dict[str, Any] = adapt(app)(shape.event(request), {})  # type: ignore[arg-type]
    return answer


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    "media_type",
    [
        "text/html",
        "text/css",
        "text/csv",
        "text/javascript",
        "application/json",
        "application/problem+json",
        "application/x-ndjson",
        "image/svg+xml",
    ],
)
def test_text_travels_as_it_is(media_type: str, version: int) -> None:
    answer = answered(media_type, Shape(1 if version == 1 else 2, "live"))
    assert (answer["body"], answer["isBase64Encoded"]) == (TEXT, False)


@pytest.mark.parametrize("media_type", ["image/png", "application/pdf", "application/zip"])
def test_bytes_travel_as_base64(media_type: str) -> None:
    assert answered(media_type, Shape(1, "live"))["isBase64Encoded"] is True
