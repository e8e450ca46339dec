"""The templates are clean, and each exception has its reason beside it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.templates import FILES, Templates
from tests.support import ROOT
from tests.support.gateway.stack import REGION

CHECKOV = (ROOT / "tests" / "infra" / "checkov.yaml").read_text()
PLAIN = [file for file in FILES.values() if file.startswith("ecs/")]


def test_cfn_lint_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    linted = subprocess.run(
        [linter, *PLAIN, "--regions", REGION], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("name", FILES)
def test_each_resource_that_checkov_skips_something_of_says_why(
    templates: Templates, name: str
) -> None:
    for resource, part in templates.raw[name]["Resources"].items():
        for skipped in part.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert re.fullmatch(r"CKV2?_[A-Z]+_\d+", skipped["id"]), resource
            assert len(skipped["comment"]) > 20, resource


def test_what_checkov_skips_of_the_functions_says_why() -> None:
    skipped = [line for line in CHECKOV.splitlines() if line.startswith("  - CKV")]
    assert skipped
    assert all(re.fullmatch(r"  - CKV_AWS_\d+ # .{20,}", line) for line in skipped)


def test_what_is_linted_is_what_is_deployed() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert makefile.count(" ".join(PLAIN)) == 2  # by cfn-lint and by checkov
