"""What a scanner found in an image or a layer: a fixable high or critical finding stops a release.

Findings without a fix are listed and stop nothing; a base image's maintainers decide on them.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ecs.deploy.cloud import DeploymentFailed

STOPS: Final = ("high", "critical")
OF_THE_LAYER: Final = "scan-upkeep.json"  # with every target: its functions have no image


@dataclass(frozen=True)
class Finding:
    """A known vulnerability of a package; ``fixed_in`` is empty if there is no fix."""

    id: str
    severity: str
    package: str
    version: str
    fixed_in: str

    @property
    def stops(self) -> bool:
        return bool(self.fixed_in) and self.severity in STOPS

    def __str__(self) -> str:
        fix = f"fixed in {self.fixed_in}" if self.fixed_in else "no fix yet"
        return f"{self.severity:<9} {self.id}: {self.package} {self.version}, {fix}"


def read_report(path: Path) -> list[Finding]:
    """Grype's JSON; raise ``DeploymentFailed`` if it is none, as after a scan that broke off."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        matches: list[dict[str, Any]] = report["matches"]
        return sorted(map(_finding, matches), key=lambda one: (one.id, one.package))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeploymentFailed(
            f"{path.name} is no report of a scan ({type(error).__name__}), so nothing is known "
            "about the image. Scan it again."
        ) from error


def check(reports: Iterable[Path]) -> Iterator[str]:
    """Lines about all findings; raise ``DeploymentFailed`` at the end if one stops the release."""
    stopping = 0
    for path in reports:
        for finding in read_report(path):
            stopping += finding.stops
            yield str(finding)
    if stopping:
        raise DeploymentFailed(
            f"{stopping} finding{'s' * (stopping > 1)} of high or critical severity can be fixed. "
            "Renew the base image or the lock."
        )


def _finding(match: dict[str, Any]) -> Finding:
    found, artifact = match["vulnerability"], match["artifact"]
    fix = found.get("fix") or {}
    fixed_in = ", ".join(fix.get("versions") or []) if fix.get("state") == "fixed" else ""
    severity = found["severity"].lower()
    return Finding(found["id"], severity, artifact["name"], artifact["version"], fixed_in)
