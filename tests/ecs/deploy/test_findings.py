"""What stops a release is judged by reports of the form that Grype writes.

The reports here are cut down by hand from its documented form; the scanner itself was not run.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from ecs.deploy.cloud import DeploymentFailed
from ecs.deploy.findings import check

pytestmark = pytest.mark.deploy


def a_match(
    severity: str = "High", state: str = "fixed", id_: str = "CVE-2026-1"
) -> dict[str, Any]:
    versions = ["3.0.19-1~deb13u1"] if state == "fixed" else []
    return {
        "vulnerability": {
            "id": id_, "severity": severity, "fix": {"versions": versions, "state": state},
        },
        "artifact": {"name": "libssl3", "version": "3.0.17-1", "type": "deb"},
    }  # fmt: skip


def judged(report: Path, *matches: dict[str, Any]) -> list[str]:
    report.write_text(json.dumps({"matches": matches, "descriptor": {"name": "grype"}}))
    return list(check([report]))


@pytest.mark.parametrize("severity", ["High", "Critical"])
def test_a_finding_that_is_severe_and_can_be_fixed_stops_the_release(
    report: Path, severity: str
) -> None:
    with pytest.raises(DeploymentFailed, match="1 finding of high or critical severity"):
        judged(report, a_match(severity), a_match("Low"))


@pytest.mark.parametrize(
    "match",
    [a_match("Medium"), a_match("Negligible"), a_match("Unknown"), a_match(state="not-fixed"),
     a_match("Critical", "wont-fix"), a_match(state="unknown")],
    ids=["medium", "negligible", "unknown", "no fix", "will not be fixed", "unknown fix"],
)  # fmt: skip
def test_any_other_is_listed_and_stops_nothing(report: Path, match: dict[str, Any]) -> None:
    (line,) = judged(report, match)
    assert line.split()[1] == "CVE-2026-1:"


def test_all_findings_are_listed_before_the_release_stops(report: Path) -> None:
    report.write_text(json.dumps({"matches": [a_match(id_="CVE-1"), a_match(id_="CVE-2")]}))
    told = check([report])
    assert [next(told).split()[1], next(told).split()[1]] == ["CVE-1:", "CVE-2:"]
    with pytest.raises(DeploymentFailed, match="2 findings"):
        next(told)


@pytest.mark.parametrize("content", ["", "{}", '{"matches": [{}]}', '{"matches": null}', "[1]"])
def test_a_scan_that_broke_off_is_no_good_news(report: Path, content: str) -> None:
    report.write_text(content)
    with pytest.raises(DeploymentFailed, match="is no report of a scan"):
        list(check([report]))


def test_a_scan_that_left_nothing_is_no_good_news_either(report: Path) -> None:
    with pytest.raises(DeploymentFailed, match="Scan it again"):
        list(check([report]))
