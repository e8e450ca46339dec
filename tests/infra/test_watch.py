"""The templates make the alarms of ``app/alarms.py``; the dashboard shows every metric."""

import json
from typing import Any, Final

import pytest

from app.alarms import ALARMS, Alarm
from app.telemetry import NAMESPACE, SERVICE, Metric
from tests.infra.templates import Templates, properties
from tests.support import ROOT

# What the stack adds to what an alarm is.
OF_THE_STACK: Final = {"AlarmDescription", "AlarmActions", "OKActions", "Dimensions"}
each_alarm = pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)


def alarms(templates: Templates) -> dict[str, dict[str, Any]]:
    return {
        name: one
        for stack in templates.stacks().values()
        for name, one in stack.of_type("AWS::CloudWatch::Alarm").items()
    }


def shown(templates: Templates) -> list[list[str]]:
    body = json.loads(properties(templates.watch, "Dashboard")["DashboardBody"]["Fn::Sub"])
    return [one for widget in body["widgets"] for one in widget["properties"]["metrics"]]


def test_the_dashboard_shows_each_metric_once_and_nothing_else(templates: Templates) -> None:
    names = [one[1] for one in shown(templates)]
    assert sorted(names) == sorted(Metric)
    assert {(one[0], *one[2:]) for one in shown(templates)} == {(NAMESPACE, "service", SERVICE)}


def test_the_templates_make_each_alarm_and_no_other(templates: Templates) -> None:
    assert set(alarms(templates)) == {alarm.name for alarm in ALARMS}


@each_alarm
def test_an_alarm_rings_when_the_list_says(templates: Templates, alarm: Alarm) -> None:
    made = alarms(templates)[alarm.name]
    said = alarm.as_properties()
    assert {name: made[name] for name in set(made) - OF_THE_STACK} == {
        name: said[name] for name in set(said) - OF_THE_STACK
    }


@each_alarm
def test_an_alarm_looks_at_what_is_ours(templates: Templates, alarm: Alarm) -> None:
    """Of AWS's own metrics at those of our resources: a value is a reference, no word."""
    dimensions = alarms(templates)[alarm.name].get("Dimensions", [])
    assert tuple(one["Name"] for one in dimensions) == alarm.dimensions
    if alarm.is_ours:
        assert dimensions == alarm.as_properties()["Dimensions"]
    else:
        assert all(isinstance(one["Value"], dict) for one in dimensions)


@each_alarm
def test_an_alarm_is_told_and_so_is_its_end(templates: Templates, alarm: Alarm) -> None:
    made = alarms(templates)[alarm.name]
    topic = [{"Fn::ImportValue": {"Fn::Sub": "${Foundation}-AlertsArn"}}]
    assert made["AlarmActions"] == made["OKActions"] == topic
    assert made["AlarmDescription"] == f"{alarm.what}: {alarm.runbook}"


@each_alarm
def test_the_runbook_that_a_mail_names_is_there(alarm: Alarm) -> None:
    page, _, anchor = alarm.runbook.partition("#")
    headings = {
        line.removeprefix("### ").strip()
        for line in (ROOT / page).read_text("utf-8").splitlines()
        if line.startswith("### ")
    }
    assert anchor in {heading.lower() for heading in headings}
