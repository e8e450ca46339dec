"""Metrics and log lines as CloudWatch reads them."""

import json
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

import pytest
from jsonschema import ValidationError

from app.errors import BackupError
from app.telemetry import (
    MOST_METRICS,
    Metric,
    Metrics,
    Signals,
    as_line,
    correlate,
)
from tests.support import ROOT, emf


def read(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_metric_is_a_line_with_its_namespace_and_unit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Metrics(enabled=True).put(Metric.BACKUP_AGE_SECONDS, 1.5)
    (line,) = read(capsys)
    assert line["BackupAgeSeconds"] == [1.5]
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "Sketchnorm"
    assert described["Metrics"] == [{"Name": "BackupAgeSeconds", "Unit": "Seconds"}]
    assert described["Dimensions"] == [["service"]]


def test_without_metrics_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with Metrics(enabled=False).outcome(Metric.BACKUP_SUCCEEDED):
        pass
    assert read(capsys) == []


def test_what_succeeds_is_1_and_what_fails_is_0_with_its_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics = Metrics(enabled=True)
    with metrics.outcome(Metric.BACKUP_SUCCEEDED):
        pass
    with pytest.raises(BackupError), metrics.outcome(Metric.BACKUP_SUCCEEDED):
        raise BackupError("No.")
    lines = read(capsys)
    assert [line["BackupSucceeded"] for line in lines] == [[1.0], [0.0]]
    assert all(0 <= line["seconds"] < 60 for line in lines)


def test_a_log_line_is_json_of_the_service_on_standard_output() -> None:
    script = "from app.telemetry import make_logger; make_logger().info('backup', size=1)"
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    line = json.loads(said.stdout)
    assert line["service"] == "sketchnorm"
    assert (line["message"], line["size"]) == ("backup", 1)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="a process of its own"),
        pytest.param("logging.basicConfig(stream=sys.stdout)", id="a runtime that logs itself"),
    ],
)
def test_what_other_modules_write_has_the_same_form_and_ids_and_is_written_once(
    before: str,
) -> None:
    script = f"""
import logging, sys
{before}
from app.telemetry import make_logger
logger = make_logger()
logger.thread_safe_append_keys(correlation_id="one")
logger.info("ours")
logging.getLogger("app.storage.blobs.s3").warning("away")
"""
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert [line["message"] for line in lines] == ["ours", "away"]
    assert {line["correlation_id"] for line in lines} == {"one"}


def test_every_metric_of_the_list_is_a_valid_line() -> None:
    for metric in Metric:
        assert emf.check(json.loads(as_line({metric: 1.5}, {"kind": "a"}))) == {metric}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"_aws": {"Timestamp": 1}}, "CloudWatchMetrics", id="no directives"),
        pytest.param({"_aws": {"Timestamp": "now", "CloudWatchMetrics": []}}, "integer", id="time"),
        pytest.param({}, "_aws", id="no metadata"),
    ],
)
def test_a_line_that_is_not_valid_is_found(changed: dict[str, Any], message: str) -> None:
    line = json.loads(as_line({Metric.ANALYSES: 1}, {}))
    del line["_aws"]
    with pytest.raises(ValidationError, match=message):
        emf.check(line | changed)


def test_a_country_on_a_line_is_found() -> None:
    with pytest.raises(AssertionError):
        emf.check(json.loads(as_line({Metric.ANALYSES: 1}, {"country": "DE"})))


def test_every_metric_of_the_list_is_written_somewhere_and_no_other() -> None:
    rooms = (*(ROOT / "app").rglob("*.py"), *(ROOT / "handlers").rglob("*.py"))
    code = "".join(file.read_text() for file in rooms if file.name not in NO_WRITERS)
    assert set(re.findall(r"\bMetric\.([A-Z_]+)", code)) == set(Metric.__members__)


NO_WRITERS = {"telemetry.py", "alarms.py"}


def test_there_are_no_more_metrics_than_the_month_allows_for() -> None:
    assert len(Metric) <= MOST_METRICS


@dataclass
class Clock:
    at: float = 0.0

    def __call__(self) -> float:
        return self.at


def test_what_goes_wrong_is_told_at_once_and_then_once_a_minute_with_its_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    signals = Signals(Metrics(enabled=True), clock)
    for clock.at in range(0, 121, 3):
        signals.count(Metric.ERRORS, "StorageBusy")
    told = [line["Errors"][0] for line in read(capsys)]
    assert told == [1, 20, 20]


def test_two_kinds_do_not_hold_each_other_up(capsys: pytest.CaptureFixture[str]) -> None:
    signals = Signals(Metrics(enabled=True), Clock())
    for kind in ("StorageBusy", "BundleError", "BundleError"):
        signals.count(Metric.ERRORS, kind)
    assert [line["kind"] for line in read(capsys)] == ["StorageBusy", "BundleError"]


def test_a_metric_carries_the_id_of_its_request(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        correlate("a-request")
        Metrics(enabled=True).put(Metric.ANALYSES)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [line["correlation_id"] for line in read(capsys)] == ["a-request"]


def test_lines_of_many_threads_are_whole() -> None:
    script = """
import threading
from app.telemetry import Metric, Metrics
def work():
    for _ in range(300):
        Metrics(enabled=True).put(Metric.ANALYSES)
threads = [threading.Thread(target=work) for _ in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
"""
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    lines = said.stdout.splitlines()
    assert len(lines) == 8 * 300
    assert {frozenset(emf.check(json.loads(line))) for line in lines} == {
        frozenset({Metric.ANALYSES})
    }
