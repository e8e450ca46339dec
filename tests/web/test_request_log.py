"""What is written of a request, and what never is."""

import asyncio
import io
import json
from dataclasses import replace
from secrets import token_hex
from typing import Any

import httpx
import pytest
from aws_lambda_powertools import Logger
from fastapi import FastAPI
from sqlalchemy import select

from app.bootstrap import Services
from app.errors import StorageUnavailable
from app.storage.jobs import enqueue
from app.storage.tables import Job, now
from app.telemetry import Metrics, Signals
from app.web.access import public
from app.web.app import create_app
from app.web.request_log import RequestLog
from tests.support.people.visitors import JSON, Visitor, a_png


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
    link = visitor.submits(a_png(), to="/upload", age_years="6.43219").headers["location"]
    visitor.opens(link, x_forwarded_for="203.0.113.7")
    text = json.dumps(watched.lines)
    assert [line["route"] for line in watched.lines] == ["/upload", "/drawings/{drawing_id}"]
    for secret in (link.split("/")[-1], "6.43219", "203.0.113.7"):
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


def test_every_answer_tells_the_id_that_its_lines_carry(watched: Watched) -> None:
    for path in ("/", "/static/none.css", "/drawings/none", "/livez"):
        answer = Visitor(watched.app).opens(path, x_amzn_trace_id="Root=1-67891233-abcdef012345678")
        assert answer.headers["x-request-id"] == "Root=1-67891233-abcdef012345678"


@pytest.mark.parametrize("given", ["a b", "<b>", "x" * 129])
def test_what_is_no_id_is_replaced(watched: Watched, given: str) -> None:
    known_as = Visitor(watched.app).opens("/", x_amzn_trace_id=given).headers["x-request-id"]
    assert len(known_as) == 16
    assert watched.lines[0]["correlation_id"] == known_as


def test_the_page_of_a_problem_and_its_twin_name_the_request(watched: Watched) -> None:
    visitor = Visitor(watched.app)
    page = visitor.opens("/drawings/none", x_apigw_request_id="JKJaXmPLvHcESHA=")
    assert "<code>JKJaXmPLvHcESHA=</code>" in page.text
    problem = visitor.asks("GET", "/api/drawings/none", headers=JSON)
    assert problem.json()["request_id"] == problem.headers["x-request-id"]


def test_a_job_keeps_the_id_of_the_request_that_asked_for_it(services: Services) -> None:
    app, database = create_app(services), services.stores.database

    @app.get("/ask")
    @public
    def ask() -> None:
        enqueue(database, "note", "1", now())

    Visitor(Watched(app).app).opens("/ask", x_apigw_request_id="the-request")
    with database.reading() as tx:
        assert tx.scalars(select(Job.correlation_id)).all() == ["the-request"]


def test_metrics_of_a_request_carry_its_id_and_nothing_private(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor do the log's lines: no picture, age, category, address, link, token or password."""
    signals = Signals(Metrics(enabled=True))
    services.requests.signals = signals
    told = replace(services, analyses=replace(services.analyses, signals=signals))
    watched = Watched(create_app(told))
    visitor = Visitor(watched.app)
    private = {
        "authorization": "Bearer 5ecret-t0ken", "cookie": "login=held-by-a-browser",
        "cloudfront-viewer-address": "203.0.113.7:4711", "cloudfront-viewer-country": "DE",
        "user-agent": "Firefox of somebody", "x-apigw-request-id": "the-request",
    }  # fmt: skip
    kept = visitor.submits(a_png(), age_years="6.43219", category="house", headers=private).json()
    visitor.submits(a_png(), age_years="6.43219", category="house", keep="false", headers=private)
    visitor.asks("POST", "/login", headers=private, content=b"password=guessed-it")
    printed = capsys.readouterr().out
    lines = [json.loads(line) for line in printed.splitlines()] + watched.lines
    assert {line["correlation_id"] for line in lines} == {"the-request"}
    assert sum("Analyses" in line for line in lines) == 2
    everything = json.dumps(lines)
    secrets = (
        "5ecret-t0ken", "held-by-a-browser", "203.0.113.7", "Firefox", '"DE"', "6.43219", "house",
        kept["id"], "guessed-it",
    )  # fmt: skip
    assert [secret for secret in secrets if secret in everything] == []
    assert max(map(len, map(json.dumps, lines))) < 1000  # no picture either


def test_a_dependency_that_is_away_is_one_line_a_minute(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.requests.signals = Signals(Metrics(enabled=True))
    app = create_app(services)

    @app.get("/away")
    @public
    def fail() -> None:
        raise StorageUnavailable("It is away.")

    for _ in range(20):
        assert Visitor(app).opens("/away").status_code == 503
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in told if "Errors" in line]
    assert line["kind"] == "StorageUnavailable"
