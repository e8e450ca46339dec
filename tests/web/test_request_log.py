"""What is written of a request, and what never is."""

import asyncio
import io
import json
from secrets import token_hex
from typing import Any

import httpx
import pytest
from aws_lambda_powertools import Logger
from fastapi import FastAPI

from app.bootstrap import Services
from app.web.access import public
from app.web.app import create_app
from app.web.request_log import RequestLog
from tests.support.people.visitors import Visitor, a_png


class Watched:
    """An application whose lines are collected."""

    def __init__(self, app: FastAPI) -> None:
        self._lines = io.StringIO()
        # Loggers of one name share the first one's stream.
        self.logger = Logger(service=token_hex(8), stream=self._lines, level="INFO")
        self.app = RequestLog(app, self.logger)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._lines.getvalue().splitlines()]


@pytest.fixture
def watched(services: Services) -> Watched:
    return Watched(create_app(services))


def test_a_request_is_a_line_with_the_id_that_the_gateway_gave_it(watched: Watched) -> None:
    Visitor(watched.app).opens("/upload", x_apigw_request_id="JKJaXmPLvHcESHA=")
    (line,) = watched.lines
    assert line["correlation_id"] == "JKJaXmPLvHcESHA="
    assert (line["method"], line["route"], line["status"]) == ("GET", "/upload", 200)


def test_without_a_gateway_each_request_has_an_id_of_its_own(watched: Watched) -> None:
    for _ in range(2):
        Visitor(watched.app).opens("/")
    first, second = (line["correlation_id"] for line in watched.lines)
    assert first != second


def test_no_line_tells_an_address_an_age_or_the_link_to_a_drawing(watched: Watched) -> None:
    visitor = Visitor(watched.app)
    link = visitor.submits(a_png(), to="/upload", age_years="6.25").headers["location"]
    visitor.opens(link, x_forwarded_for="203.0.113.7")
    text = json.dumps(watched.lines)
    assert [line["route"] for line in watched.lines] == ["/upload", "/drawings/{drawing_id}"]
    for secret in (link.split("/")[-1], "6.25", "203.0.113.7"):
        assert secret not in text


def test_what_keeps_asking_whether_we_live_is_not_written_down(watched: Watched) -> None:
    Visitor(watched.app).opens("/livez")
    assert watched.lines == []


def test_a_defect_is_written_with_its_status(services: Services) -> None:
    app = create_app(services)

    @app.get("/defect")
    @public
    def fail() -> None:
        raise RuntimeError("a defect")

    watched = Watched(app)
    Visitor(watched.app).opens("/defect")
    assert [line["status"] for line in watched.lines] == [500]


def test_requests_at_the_same_time_keep_their_own_ids(services: Services) -> None:
    app = create_app(services)
    both = asyncio.Barrier(2)
    watched = Watched(app)

    @app.get("/slow")
    @public
    async def wait() -> None:
        await both.wait()
        watched.logger.info("inside")

    async def ask() -> None:
        transport = httpx.ASGITransport(watched.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            ids = ("one", "two")
            await asyncio.gather(
                *(client.get("/slow", headers={"x-apigw-request-id": name}) for name in ids)
            )

    asyncio.run(ask())
    inside = [line["correlation_id"] for line in watched.lines if line["message"] == "inside"]
    assert sorted(inside) == ["one", "two"]
