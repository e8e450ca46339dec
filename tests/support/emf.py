"""Lines on standard output, checked as CloudWatch reads them, and against telemetry's list."""

import json
from collections.abc import Collection
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from app.telemetry import DIMENSION, NAMESPACE, SERVICE, Metric
from tests.support import ROOT

SCHEMA = ROOT / "tests" / "events" / "emf_schema.json"
# What a line may have beside its metrics; never a dimension.
PROPERTIES = {"kind", "bundle", "kept", "correlation_id", "seconds"}
MOST_VALUES = 100


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check(line: dict[str, Any]) -> set[Metric]:
    """Fail unless the line is valid and says nothing that telemetry does not know; its metrics.

    What the schema cannot say, the specification does: what is referred to is a member of the root,
    a dimension a string, a metric a number or a list of numbers.
    """
    _validator().validate(line)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    assert directive["Dimensions"] == [[DIMENSION]]
    assert line[DIMENSION] == SERVICE
    found = {Metric(one["Name"]): one["Unit"] for one in directive["Metrics"]}
    for metric, unit in found.items():
        assert unit == metric.unit
        values = line[metric]
        assert isinstance(values, list)
        assert 0 < len(values) <= MOST_VALUES
        assert all(type(value) in (int, float) for value in values)
    assert set(line) - {"_aws", DIMENSION, *found} <= PROPERTIES
    return set(found)


def read_lines(printed: str, private: Collection[str] = ()) -> list[dict[str, Any]]:
    """What a process printed: each line is of the log or a metric, and none is ``private``."""
    lines = [json.loads(line) for line in printed.splitlines()]
    for line in lines:
        if "_aws" in line:
            check(line)
        else:
            assert {"level", "message", "timestamp", "service"} <= line.keys(), line
        if line.get("message") == "request":
            assert line["correlation_id"]
    assert [word for word in private if word in printed] == []
    return lines
