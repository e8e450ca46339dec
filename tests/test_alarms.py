"""Property 12: what an operator has to act on has an alarm, and an alarm has what it watches."""

import re

import pytest

from app import errors
from app.alarms import ALARMS, DAY, HOUR, MORE_RUNBOOKS, RUNBOOKS, Alarm
from app.errors import ConfigurationError, Refusal, SketchnormError
from app.telemetry import Metric
from tests.support import ROOT

WEEK = 7 * DAY
NAMES = {alarm.name for alarm in ALARMS}
# For who gave the command, the setting or a drawing of the demonstration, and sees how it ended.
AT_A_KEYBOARD = (
    ConfigurationError, errors.OutputError, errors.CommandFailed, errors.UnusableSample
)  # fmt: skip
SILENT = {"BackupMissing", "DrillMissing", "FilesUncompared", "SpoolSilent", "MemoryHigh"}
AWS = {
    "AWS/ECS": {"CPUUtilization", "MemoryUtilization"},
    "AWS/ApiGateway": {"5xx", "Latency"},
    "AWS/Lambda": {"Errors"},
    "AWS/EFS": {"PercentIOLimit"},
}
each_alarm = pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)


def kinds(of: type[SketchnormError] = SketchnormError) -> set[type[SketchnormError]]:
    return {of, *(kind for below in of.__subclasses__() for kind in kinds(below))}


def test_every_error_that_an_operator_has_to_act_on_names_its_alarm() -> None:
    worthy = {
        kind
        for kind in kinds() - {SketchnormError}
        if not issubclass(kind, (Refusal, *AT_A_KEYBOARD))
    }
    assert len(worthy) > 10
    assert {kind for kind in worthy if kind.alarm not in NAMES} == set()


def test_no_error_names_an_alarm_that_there_is_not() -> None:
    assert {kind.alarm for kind in kinds()} - {None} <= NAMES


def test_each_metric_that_is_to_ring_has_an_alarm_and_no_other() -> None:
    watched = {alarm.metric for alarm in ALARMS if alarm.is_ours}
    assert watched == {metric for metric in Metric if metric.watched_by == "alarm"}


@each_alarm
def test_an_alarm_watches_what_the_application_or_aws_measures(alarm: Alarm) -> None:
    known = set(Metric) if alarm.is_ours else AWS[alarm.namespace]
    assert alarm.metric in known


def test_slowness_and_a_crowd_ring_too() -> None:
    watched = {(alarm.metric, alarm.statistic) for alarm in ALARMS}
    assert watched >= {
        (Metric.ANALYSIS_MILLISECONDS, "p95"), ("Latency", "p95"), (Metric.BUSY_REFUSALS, "Sum"),
        ("CPUUtilization", "Average"),
    }  # fmt: skip


@each_alarm
def test_silence_rings_where_silence_is_the_fault(alarm: Alarm) -> None:
    assert alarm.silence_is_bad is (alarm.name in SILENT)
    missing = alarm.as_properties()["TreatMissingData"]
    assert missing == ("breaching" if alarm.name in SILENT else "notBreaching")


@each_alarm
def test_no_alarm_looks_back_further_than_cloudwatch_does(alarm: Alarm) -> None:
    longest = WEEK if alarm.seconds >= HOUR else DAY
    assert alarm.seconds * alarm.periods <= longest
    assert (alarm.datapoints or 1) <= alarm.periods


@each_alarm
def test_an_alarm_has_a_name_a_sentence_and_a_runbook(alarm: Alarm) -> None:
    assert re.fullmatch("[A-Z][A-Za-z]+", alarm.name)
    assert " " in alarm.what
    page, _, heading = alarm.runbook.partition("#")
    assert heading == alarm.name.lower()
    assert page in (RUNBOOKS, MORE_RUNBOOKS)


def test_the_runbooks_of_this_page_are_those_of_its_alarms() -> None:
    page = (ROOT / MORE_RUNBOOKS).read_text(encoding="utf-8")
    headings = re.findall("^### (.+)$", page, re.MULTILINE)
    assert headings == [alarm.name for alarm in ALARMS if alarm.page == MORE_RUNBOOKS]


def test_no_two_alarms_have_one_name() -> None:
    assert len(NAMES) == len(ALARMS)


def test_an_alarm_is_told_as_cloudformation_has_it() -> None:
    found = {alarm.name: alarm.as_properties() for alarm in ALARMS}
    assert found["BackupMissing"] == {
        "Namespace": "Sketchnorm",
        "MetricName": "BackupSucceeded",
        "Dimensions": [{"Name": "service", "Value": "sketchnorm"}],
        "Statistic": "Sum",
        "Period": 3600,
        "EvaluationPeriods": 7,
        "Threshold": 1,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
    }
    assert found["AnalysesSlow"]["ExtendedStatistic"] == "p95"
    assert found["ServerErrors"]["DatapointsToAlarm"] == 2
    assert "Dimensions" not in found["ServerErrors"]
