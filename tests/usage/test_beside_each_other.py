"""Two of the service's processes on one database, one replaced and one killed, and what they print.

Everything is real but the gateway in front, for which the requests speak.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from httpx import codes

from app.storage.database import Database
from app.storage.tables import now
from app.telemetry import Metric
from app.usage.metrics import Period, UsageMetrics, read_history, read_metrics
from app.usage.requests import FLUSH_SECONDS
from tests.support import ROOT
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.emf import read_lines
from tests.support.polling import free_port, until, when_up
from tests.support.stores.databases import sqlite_url

ORIGIN = "an-origin-secret-that-nobody-else-has-0"
VISITORS = ("203.0.113.7", "198.51.100.23", "[2001:db8:77::5]")
BROWSER, TOKEN, CATEGORY = "Lynx of somebody", "skn_5ecret-t0ken", "house"
PICTURE = as_bytes(a_picture())

# Whole processes, with the real model, over several seconds.
pytestmark = [pytest.mark.endurance, pytest.mark.usefixtures("one_day")]


@dataclass
class Served:
    """A process of the service, what it was asked, and the file that it prints to."""

    process: subprocess.Popen[bytes]
    address: str
    output: Path
    links: list[str] = field(default_factory=list)
    asked: int = 0

    @classmethod
    @contextmanager
    def at(cls, folder: Path, name: str) -> Iterator[Self]:
        """With the database in ``folder``."""
        port, output = free_port(), folder / f"{name}.log"
        environ = {
            "PATH": os.environ["PATH"], "PORT": str(port), "DATA_DIR": str(folder),
            "METRICS_ENABLED": "true", "ORIGIN_SECRET": ORIGIN, "UPLOADS_PER_MINUTE": "0",
            "PUBLIC_BASE_URL": "https://sketchnorm.example",
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.packages.probe_server"]
        with (
            output.open("wb") as log,
            subprocess.Popen(command, env=environ, cwd=ROOT, stdout=log, stderr=log) as process,
        ):
            try:
                address = when_up(f"http://127.0.0.1:{port}", lambda: process.poll() is None)
                yield cls(process, address, output)
            finally:
                process.kill()

    def asks(self, path: str, visitor: str = VISITORS[0], **submitted: str) -> httpx.Response:
        """As CloudFront hands it on; with fields it is a drawing."""
        self.asked += 1
        headers = {
            "X-Origin-Verify": ORIGIN, "CloudFront-Viewer-Address": f"{visitor}:4711",
            "CloudFront-Viewer-Country": "LU", "User-Agent": BROWSER,
            "Authorization": f"Bearer {TOKEN}", "X-Apigw-Request-Id": f"request-{self.asked}=",
        }  # fmt: skip
        url = f"{self.address}{path}"
        if not submitted:
            return httpx.get(url, headers=headers, timeout=30)
        files = {"image": ("mine.png", PICTURE, "image/png")}
        answer = httpx.post(url, files=files, data=submitted, headers=headers, timeout=30)
        if answer.status_code == codes.CREATED:
            self.links.append(answer.json()["id"])
        return answer

    def analyses(self, *, keep: bool) -> None:
        """One, which works."""
        answer = self.asks("/api/drawings", age_years="6.43219", category=CATEGORY, keep=str(keep))
        assert answer.status_code == (codes.CREATED if keep else codes.OK)

    def ends(self) -> None:
        """As a task that is replaced."""
        self.process.terminate()
        assert self.process.wait(30) == 0

    def is_killed(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait(30) == -signal.SIGKILL


def read(folder: Path) -> tuple[UsageMetrics, Period]:
    with closing(Database.open(sqlite_url(folder), "local")) as database:
        metrics = read_metrics(database, now()).metrics
        return metrics, read_history(database, "day", now())[-1]


def visits_of(one: Served) -> None:
    for visitor in VISITORS:
        assert one.asks("/", visitor).status_code == codes.OK


def test_each_thing_is_counted_once_while_one_is_replaced(tmp_path: Path) -> None:
    with Served.at(tmp_path, "old") as old, Served.at(tmp_path, "other") as other:
        for one in (old, other):
            visits_of(one)
            one.analyses(keep=True)
            one.analyses(keep=False)
            assert one.asks("/probe/fails").status_code == codes.INTERNAL_SERVER_ERROR
            refused = one.asks("/api/drawings", age_years="1")
            assert refused.status_code == codes.UNPROCESSABLE_ENTITY
        old.ends()
        with Served.at(tmp_path, "new") as new:
            visits_of(new)
            new.analyses(keep=True)
            other.ends()
            new.ends()
        metrics, today = read(tmp_path)
        everybody = (old, other, new)
        assert (metrics.total_analyses, metrics.daily_analyses, today.unkept) == (5, 5, 2)
        assert metrics.unique_sessions == len(VISITORS)
        assert today.requests == sum(one.asked for one in everybody)
        assert today.server_errors == 2
        assert metrics.error_rate == pytest.approx(2 / today.requests)
        assert metrics.uptime_percentage == 100
        for one in everybody:
            check_output(one, one.asked)


def test_a_kill_loses_no_analysis_and_no_request_that_was_written(tmp_path: Path) -> None:
    with Served.at(tmp_path, "killed") as killed, Served.at(tmp_path, "left") as left:
        visits_of(killed)
        until(lambda: read(tmp_path)[1].requests == len(VISITORS), seconds=FLUSH_SECONDS + 20)
        killed.analyses(keep=True)
        killed.analyses(keep=False)
        killed.is_killed()
        left.analyses(keep=True)
        left.ends()
        metrics, today = read(tmp_path)
        assert (metrics.total_analyses, today.unkept) == (3, 1)
        assert len(VISITORS) + left.asked <= today.requests <= killed.asked + left.asked
        assert metrics.unique_sessions == len(VISITORS)
        check_output(killed, killed.asked - 1)


def check_output(one: Served, logged: int) -> None:
    """Every line is one that CloudWatch takes, has the id of its request, and tells of nobody.

    The line of a request is written once it is answered, so a kill may come before the last one.
    """
    private = (
        *(visitor.strip("[]") for visitor in VISITORS), BROWSER, TOKEN, '"LU"', "6.43219", CATEGORY,
        ORIGIN, "mine.png", *one.links,
    )  # fmt: skip
    lines = read_lines(one.output.read_text(encoding="utf-8"), private)
    assert all(len(json.dumps(line)) < 1000 for line in lines if "exception" not in line)
    of_requests = [line for line in lines if line.get("message") == "request"]
    assert len(of_requests) >= logged
    ids = {f"request-{number}=" for number in range(1, logged + 1)}
    assert ids <= {line["correlation_id"] for line in of_requests}
    assert told(lines, Metric.ANALYSES) == len(one.links) + unkept(lines)


def told(lines: Sequence[dict[str, Any]], metric: Metric) -> float:
    return sum(sum(line[metric]) for line in lines if metric in line)


def unkept(lines: Sequence[dict[str, Any]]) -> int:
    found = [line for line in lines if Metric.ANALYSES in line and line["kept"] is False]
    assert all(line["correlation_id"].startswith("request-") for line in found)
    return len(found)
