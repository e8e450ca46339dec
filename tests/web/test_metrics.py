"""What the admin is told of the site's use, and what of requests is counted."""

import json
from contextlib import closing
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from app.access.secrets import AdminSecret
from app.bootstrap import Services, assemble
from app.environment import Settings
from app.errors import Busy
from app.inference.analysis import Analysis
from app.storage import database as database_module
from app.storage.tables import now
from app.telemetry import Metrics, Signals
from app.usage.metrics import UsageMetrics, read_metrics
from app.web.access import public
from app.web.app import create_app
from app.web.front import Front
from app.web.pages import dashboard
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.faults.disks import locked
from tests.support.people.admins import HASH, Admin
from tests.support.people.visitors import JSON, Visitor, a_png

pytestmark = pytest.mark.usefixtures("one_day")


@dataclass(frozen=True)
class Site:
    """An application whose counts are written at once."""

    services: Services
    app: FastAPI

    @property
    def visitor(self) -> Visitor:
        return Visitor(self.app)

    def admin(self) -> Admin:
        assert self.services.access is not None
        self.services.access.secret.source.write(AdminSecret(HASH, 1))
        self.services.access.secret.forget()
        admin = Admin(self.visitor)
        assert admin.logs_in().status_code == 303
        return admin

    def metrics(self) -> UsageMetrics:
        self.services.requests.flush()
        return read_metrics(self.services.stores.database, now()).metrics


@pytest.fixture
def site(services: Services) -> Site:
    signals = Signals(Metrics(enabled=True))
    services.requests.signals = signals
    told = replace(services, analyses=replace(services.analyses, signals=signals))
    return Site(told, create_app(told))


def lines(capsys: pytest.CaptureFixture[str], metric: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in found if metric in line]


def test_the_admin_is_told_the_nine_figures_and_what_they_are_of(site: Site) -> None:
    admin = site.admin()
    site.visitor.submits(a_png(), age_years="6")
    site.visitor.submits(a_png(), age_years="6", keep="false")
    site.services.requests.flush()
    told = admin.asks("GET", "/api/metrics", JSON).json()
    assert told.keys() == {field.name for field in fields(UsageMetrics)} | {"about"}
    assert (told["total_analyses"], told["daily_analyses"]) == (2, 2)
    assert told["average_processing_time"] == pytest.approx(0.0125)
    assert told["unique_sessions"] == 1
    assert (told["error_rate"], told["uptime_percentage"]) == (0, 100)
    assert told["about"]["doors"] == ["site"]
    assert told["about"]["uptime_unknown_percentage"] > 99


@pytest.mark.parametrize("by", ["day", "week", "month"])
def test_history_is_told_by_day_week_and_month(site: Site, by: str) -> None:
    site.visitor.submits(a_png(), age_years="6")
    told = site.admin().asks("GET", f"/api/metrics/history?by={by}", JSON).json()
    assert told["by"] == by
    assert told["periods"][-1]["analyses"] == 1
    assert told["periods"][-1]["average_processing_time"] == pytest.approx(0.0125)


def test_there_is_no_history_by_anything_else(site: Site) -> None:
    assert site.admin().asks("GET", "/api/metrics/history?by=child", JSON).status_code == 422


@pytest.mark.parametrize("path", ["/api/metrics", "/api/metrics/history"])
def test_nobody_else_is_told(site: Site, path: str) -> None:
    assert site.visitor.asks("GET", path, headers=JSON).status_code == 401


def test_a_visitor_is_counted_once_and_another_browser_is_another(site: Site) -> None:
    for browser in ("Firefox", "Firefox", "Safari"):
        for path in ("/", "/upload"):
            site.visitor.opens(path, user_agent=browser)
    assert site.metrics().unique_sessions == 2


def test_who_watches_and_who_finds_nothing_is_no_visitor(site: Site) -> None:
    for path in ("/livez", "/healthz", "/static/none.css", "/wp-admin"):
        site.visitor.opens(path)
    metrics = site.metrics()
    assert metrics.unique_sessions == 0
    assert metrics.error_rate == 0  # of the one request that counts


class Breaking(FakeAnalyzer):
    def analyze(self, *_: object, **__: object) -> Analysis:
        raise ZeroDivisionError


class Crowded(FakeAnalyzer):
    def analyze(self, *_: object, **__: object) -> Analysis:
        raise Busy("Later.")


@pytest.mark.parametrize("to", ["/upload", "/api/drawings"])
def test_a_failed_analysis_is_one_error_and_not_two(
    site: Site, to: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(site, app=create_app(replace(site.services, analyzer=Breaking())))
    assert broken.visitor.submits(a_png(), to=to, age_years="6").status_code == 500
    broken.visitor.opens("/")
    assert broken.metrics().error_rate == 0.5
    (line,) = lines(capsys, "Errors")
    assert (line["Errors"], line["kind"]) == ([1.0], "ZeroDivisionError")


@pytest.mark.parametrize("keep", ["true", "false"])
def test_a_failure_that_cannot_be_written_is_still_an_error_of_its_request(
    site: Site, keep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch outlives the outage; else nobody would have failed in one."""
    monkeypatch.setattr(database_module, "WATCHER_WAITS_MS", 50)
    broken = replace(site, app=create_app(replace(site.services, analyzer=Breaking())))
    with locked(site.services.stores.database):
        answer = broken.visitor.submits(a_png(), age_years="6", keep=keep)
        assert answer.status_code == 500
    site.visitor.opens("/")
    assert broken.metrics().error_rate == 0.5


@pytest.mark.parametrize("prefix", ["", "/sketch"])
def test_who_watches_is_no_visitor_whether_or_not_the_prefix_is_taken_off(
    site: Site, prefix: str
) -> None:
    front = Front("https://example.org/sketch")
    visitor = Visitor(create_app(site.services, front=front))
    for path in ("/livez", "/healthz", "/static/site.css", "/dashboard"):
        visitor.opens(f"{prefix}{path}")
    assert site.metrics().error_rate is None
    visitor.opens(f"{prefix}/")
    assert site.metrics().unique_sessions == 1


def test_a_dashboard_that_fails_is_told_and_not_counted(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    admin = site.admin()
    monkeypatch.setattr(dashboard, "read_metrics", fail)
    assert admin.opens("/dashboard").status_code == 500
    (line,) = lines(capsys, "Errors")
    assert line["kind"] == "ZeroDivisionError"
    assert site.metrics().error_rate == 0  # of the login


def test_a_defect_elsewhere_is_an_error(site: Site) -> None:
    @site.app.get("/defect")
    @public
    def fail() -> None:
        raise RuntimeError("a defect")

    site.visitor.opens("/defect")
    site.visitor.opens("/")
    assert site.metrics().error_rate == 0.5


@pytest.mark.parametrize(
    ("age", "status"), [("1", 422), ("6", 503)], ids=["no such age", "a crowd"]
)
def test_refusals_are_no_errors(
    site: Site, age: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    crowded = replace(site, app=create_app(replace(site.services, analyzer=Crowded())))
    usual = status == 422
    visitor = site.visitor if usual else crowded.visitor
    assert visitor.submits(a_png(), age_years=age).status_code == status
    assert site.metrics().error_rate == 0
    told = capsys.readouterr().out
    assert ("BusyRefusals" in told) is not usual
    assert '"Errors"' not in told


def test_a_wrong_password_is_told(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.admin().logs_in("wrong")
    assert [line["LoginFailures"] for line in lines(capsys, "LoginFailures")] == [[1.0]]


def test_the_demo_door_counts_into_nothing_and_tells_cloudwatch(
    services: Services, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    services.stores.database.close()
    config = replace(settings.environment, read_only=True, metrics_enabled=True)
    door = assemble(replace(settings, environment=config, keep_uploads=False), FakeAnalyzer)
    before = {path: path.read_bytes() for path in settings.data_dir.glob("*") if path.is_file()}
    with closing(door.stores):
        assert Visitor(create_app(door)).submits(a_png(), age_years="6").status_code == 200
    after = {path: path.read_bytes() for path in settings.data_dir.glob("*") if path.is_file()}
    assert after == before
    (line,) = lines(capsys, "Analyses")
    assert line["kept"] is False


def test_where_no_thread_writes_a_request_does(site: Site) -> None:
    site.visitor.opens("/")
    found = read_metrics(site.services.stores.database, now() + timedelta(seconds=1))
    assert found.metrics.unique_sessions == 1
