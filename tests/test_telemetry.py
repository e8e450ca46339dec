"""Metrics and log lines as CloudWatch reads them."""

import json
import subprocess
import sys
from typing import Any

import pytest

from app.errors import BackupError
from app.telemetry import Metric, Metrics

OUTCOME = (Metric.BACKUP_SUCCEEDED, Metric.BACKUP_FAILED, Metric.BACKUP_SECONDS)


def read(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_metric_is_a_line_with_its_namespace_and_unit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Metrics(enabled=True).put(Metric.BACKUP_SECONDS, 1.5)
    (line,) = read(capsys)
    assert line["BackupSeconds"] == [1.5]
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "Sketchnorm"
    assert described["Metrics"] == [{"Name": "BackupSeconds", "Unit": "Seconds"}]
    assert described["Dimensions"] == [["service"]]


def test_without_metrics_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with Metrics(enabled=False).outcome(*OUTCOME):
        pass
    assert read(capsys) == []


def test_what_succeeds_and_what_fails_is_counted_with_its_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics = Metrics(enabled=True)
    with metrics.outcome(*OUTCOME):
        pass
    with pytest.raises(BackupError), metrics.outcome(*OUTCOME):
        raise BackupError("No.")
    names = [name for line in read(capsys) for name in Metric if name in line]
    assert names == ["BackupSucceeded", "BackupSeconds", "BackupFailed", "BackupSeconds"]


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
