"""``python -m ecs.deploy``: the same on a laptop and in a workflow."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecs.deploy.__main__ import read_parameters
from ecs.deploy.cloud import DeploymentFailed
from ecs.deploy.releases import FUNCTIONS, SERVICE, WATCH
from tests.support import ROOT
from tests.support.cloud.account import FOUNDATION, NEW, OLD, Account

pytestmark = pytest.mark.deploy

MAKE = shutil.which("make") or ""
# What a make tells those that it starts, so that they say where they enter and leave.
OF_A_MAKE_ABOVE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of functions is there at once, without the network, and so is the commit's name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, does in (("make", 'echo "$1" > "$ARTIFACTS_DIR/built"'), ("git", "echo c0ffee1")):
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def asked(*words: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecs.deploy", *words], input=stdin, cwd=ROOT, text=True,
        capture_output=True, check=False, env={**os.environ, **environ},
    )  # fmt: skip


def test_a_step_that_fails_is_a_sentence_a_status_and_a_line_of_the_summary(
    account: Account, tmp_path: Path
) -> None:
    summary = tmp_path / "summary"
    done = asked("backup", "--release", "never", GITHUB_STEP_SUMMARY=str(summary))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("FAILED: There is no releases/never.json in the bucket")
    assert "FAILED: There is no releases/never.json" in summary.read_text()
    assert "Traceback" not in done.stdout


REPORTS = {
    "ecs": {"scan-service.json", "scan-upkeep.json"},
    "lambda": {"scan-function.json", "scan-upkeep.json"},
    "both": {"scan-service.json", "scan-function.json", "scan-upkeep.json"},
}


@pytest.mark.parametrize("target", REPORTS)
def test_a_scan_hands_its_verdict_on_by_its_status(tmp_path: Path, target: str) -> None:
    words = ("scan", "--target", target, "--folder", str(tmp_path))
    for name in REPORTS[target]:
        missing = asked(*words)
        assert missing.returncode == 1
        assert "is no report of a scan" in missing.stdout
        (tmp_path / name).write_text('{"matches": []}')
    assert asked(*words).returncode == 0
    (tmp_path / "scan-upkeep.json").write_text("")
    assert asked(*words).returncode == 1


def test_a_password_is_not_repeated_in_what_a_run_shows(account: Account) -> None:
    done = asked("rotate-password", stdin="correct horse battery staple\n")
    assert done.returncode == 1
    assert "horse" not in done.stdout + done.stderr


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("account_has", [False, True], ids=["first", "later"])
def test_a_dry_run_of_make_deploy_prints_the_change_sets(
    account: Account, account_has: bool
) -> None:
    if account_has:
        account.has_deployed(OLD)
    before = set(account.formation.stacks)
    venv = Path(sys.prefix)
    # As somebody does whose environment is set up; -o: it is not looked at again.
    stamps = [f"--old-file={venv}/{name}.stamp" for name in ("runtime", "dev")]
    environ = {name: value for name, value in os.environ.items() if name not in OF_A_MAKE_ABOVE}
    done = subprocess.run(
        [MAKE, *stamps, "deploy", "TARGET=ecs", "DRY_RUN=yes", f"VENV={venv}"],
        env=environ, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for stack in (SERVICE, FUNCTIONS, WATCH):
        assert f"{stack}: " in done.stdout
    assert done.stdout.rstrip().endswith("Nothing was changed.")
    assert set(account.formation.stacks) == before | {FOUNDATION}


@pytest.mark.usefixtures("built")
def test_each_job_hands_on_to_the_next_what_it_needs(account: Account, tmp_path: Path) -> None:
    output = tmp_path / "output"
    account.has_deployed(OLD)
    planned = asked("plan", "--target", "ecs", "--service-image", NEW, GITHUB_OUTPUT=str(output))
    assert planned.returncode == 0, planned.stdout
    release = output.read_text().strip().partition("release=")[2]
    for step in ("backup", "migrate", "apply"):
        done = asked(step, "--release", release)
        assert done.returncode == 0, done.stdout
    assert account.serves == NEW[-1]
    assert asked("roll-back", "--release", release).returncode == 0
    assert account.serves == OLD[-1]


def test_parameters_are_words_with_an_equals_sign() -> None:
    assert read_parameters("A=1 B=https://x.org/?q=2") == {"A": "1", "B": "https://x.org/?q=2"}
    with pytest.raises(DeploymentFailed, match="not B"):
        read_parameters("A=1 B")
