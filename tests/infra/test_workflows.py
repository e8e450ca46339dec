"""What the workflows may do, when they run, and that they do what ``.ci/run`` does.

Property 4: every push to main deploys, and no pull request can.
"""

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from ecs.deploy.__main__ import commands
from ecs.deploy.findings import OF_THE_LAYER
from ecs.deploy.images import FUNCTION, SERVICE
from tests.support import ROOT

FOLDER = ROOT / ".github" / "workflows"
NAMES = ("ci", "deploy", "destroy", "nightly", "restore-drill", "rotate-password")
PINNED = re.compile(r"uses: ([\w-]+/[\w/-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$")
ROLE = "aws-actions/configure-aws-credentials"
SESSIONS = re.compile(r"\n  (Build|Deploy)Role:.*?MaxSessionDuration: (\d+)", re.DOTALL)
PRODUCTION = ("deploy", "rotate-password", "destroy")
FOUNDATION = (ROOT / "ecs" / "foundation.yaml").read_text()
STEPS = ["backup", "migrate", "rehearse", "apply", "check"]


def workflow(name: str) -> dict[Any, Any]:
    """YAML 1.1 reads ``on`` as a truth; here it is called so again."""
    found: dict[Any, Any] = yaml_parse((FOLDER / f"{name}.yml").read_text())
    found["on"] = found.pop(True)
    return found


def jobs(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = workflow(name)["jobs"]
    return found


def steps(name: str) -> list[tuple[str, dict[str, Any]]]:
    return [(job, step) for job, one in jobs(name).items() for step in one["steps"]]


def commands_of(text: str) -> set[str]:
    """The targets of make that are named."""
    lines = re.findall(r"\bmake ((?:[a-z-]+ ?)+)", text)
    return {word for line in lines for word in line.split()}


def takes_a_role(job: dict[str, Any]) -> bool:
    return any(step.get("uses", "").startswith(ROLE) for step in job["steps"])


def test_these_are_all() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)


def test_every_push_to_main_deploys() -> None:
    on = workflow("deploy")["on"]
    assert on["push"] == {"branches": ["main"]}  # no path is left out
    assert set(on) == {"push", "workflow_dispatch"}
    conditions = {name: job.get("if", "") for name, job in jobs("deploy").items()}
    assert {name for name, said in conditions.items() if said} == {"test", "roll-back", "notify"}
    assert conditions["test"] == "github.ref == 'refs/heads/main'"


def test_where_to_is_chosen_by_hand_or_by_a_variable_of_the_repository() -> None:
    chosen = workflow("deploy")["on"]["workflow_dispatch"]["inputs"]["target"]
    assert chosen["options"] == ["", "ecs", "lambda", "both"]
    assert workflow("deploy")["env"]["TARGET"] == (
        "${{ inputs.target || vars.DEPLOY_TARGET || 'ecs' }}"
    )


def test_a_pull_request_runs_the_checks_and_reaches_nothing() -> None:
    triggers = {name: set(workflow(name)["on"]) for name in NAMES}
    assert [name for name, on in triggers.items() if "pull_request" in on] == ["ci"]
    risky = {"pull_request_target", "workflow_run", "issue_comment", "issues", "discussion"}
    assert not any(on & risky for on in triggers.values())
    for job in jobs("ci").values():
        assert job["permissions"] == {"contents": "read"}
        assert "environment" not in job
        assert not takes_a_role(job)
    text = (FOLDER / "ci.yml").read_text()
    assert "secrets." not in text
    assert "vars." not in text


@pytest.mark.parametrize("name", NAMES)
def test_no_workflow_has_a_right_that_a_job_did_not_ask_for(name: str) -> None:
    assert workflow(name)["permissions"] == {}
    for title, job in jobs(name).items():
        rights = {"contents": "read"}
        if takes_a_role(job):
            rights["id-token"] = "write"
        if (name, title) == ("deploy", "build"):
            rights["attestations"] = "write"
        assert job["permissions"] == rights


@pytest.mark.parametrize("name", NAMES)
def test_there_are_no_secrets_at_all(name: str) -> None:
    """GitHub reaches AWS by roles; ``GITHUB_TOKEN`` is in no step's input or environment."""
    text = (FOLDER / f"{name}.yml").read_text()
    assert "secrets" not in text
    assert "github.token" not in text.lower()
    for _, step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ci"])
def test_what_changes_production_runs_in_its_environment_from_main_alone(name: str) -> None:
    for title, job in jobs(name).items():
        if not takes_a_role(job):
            continue
        (role,) = (
            s["with"]["role-to-assume"] for s in job["steps"] if "role" in str(s.get("with"))
        )
        if title == "build":
            assert role == "${{ vars.AWS_BUILD_ROLE }}"
            assert "environment" not in job
            continue
        assert role == "${{ vars.AWS_DEPLOY_ROLE }}"
        assert job["environment"] == "production"
        if "needs" not in job:
            assert job["if"] == "github.ref == 'refs/heads/main'"


def test_rights_are_taken_after_everything_that_does_not_need_them() -> None:
    done = [step.get("run") or step.get("uses", "") for step in jobs("deploy")["build"]["steps"]]
    role = next(number for number, step in enumerate(done) if step.startswith(ROLE))
    assert any(step == "make scan" for step in done[:role])
    assert any(step == "make images" for step in done[:role])
    assert done[role + 1] == "make push"


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_pinned_by_commit_with_the_version_beside(name: str) -> None:
    for line in (FOLDER / f"{name}.yml").read_text().splitlines():
        if "uses:" in line:
            assert PINNED.search(line), line


def test_an_action_is_the_same_commit_everywhere() -> None:
    texts = "\n".join(path.read_text() for path in FOLDER.iterdir())
    pins: dict[str, set[str]] = {}
    for action, commit in re.findall(r"uses: ([\w/-]+)@([0-9a-f]{40})", texts):
        pins.setdefault(action, set()).add(commit)
    assert {action for action, found in pins.items() if len(found) > 1} == set()


def test_a_change_passes_the_same_commands_as_in_ci_run() -> None:
    # Lines that begin with it: what is said about make is no command.
    here = set()
    for line in (ROOT / ".ci" / "run").read_text().splitlines():
        if re.match(r"\s*make ", line):
            here |= commands_of(line)
    checks = jobs("ci")
    there = {
        target for job in ("lint-and-test",) for target in commands_of(str(checks[job]["steps"]))
    }
    there |= set(checks["long"]["strategy"]["matrix"]["target"])
    assert there == here - {"containers"}
    assert "make containers" in str(checks["long"]["steps"])
    assert checks["lint-and-test"]["strategy"]["matrix"]["python"] == ["3.11", "3.13"]


def test_the_night_has_all_that_takes_long() -> None:
    targets = set(jobs("nightly")["long"]["strategy"]["matrix"]["target"])
    long = set(jobs("ci")["long"]["strategy"]["matrix"]["target"])
    quick = {"fuzz", "checkov"}  # the one is in nightly, the other says the same each night
    assert targets >= (long - quick) | {"nightly", "reproduce", "test-training"}


def test_a_release_goes_step_by_step_and_each_waits_for_the_one_before() -> None:
    found = jobs("deploy")
    order = ["test", "build", "plan", *STEPS]
    for before, job in itertools.pairwise(order):
        needs = found[job]["needs"]
        assert before in ([needs] if isinstance(needs, str) else needs)
        assert "if" not in found[job]  # so a failure before it stops it


def test_a_release_that_is_deployed_and_not_well_is_taken_back() -> None:
    back = jobs("deploy")["roll-back"]
    assert set(back["needs"]) >= {"plan", "apply", "check"}
    assert back["if"].startswith("always() && (")
    for job in ("apply", "check"):
        for result in ("failure", "cancelled"):
            assert f"needs.{job}.result == '{result}'" in back["if"]


def test_whatever_fails_is_told() -> None:
    found = jobs("deploy")
    assert set(found["notify"]["needs"]) == set(found) - {"notify"}
    assert found["notify"]["if"].startswith("always() && ")
    for result in ("failure", "cancelled"):
        assert f"contains(needs.*.result, '{result}')" in found["notify"]["if"]


def test_one_deployment_runs_at_a_time_and_is_not_cancelled_and_pushes_out_no_other_work() -> None:
    """GitHub keeps one run of a group that waits, the newest."""
    groups = {name: workflow(name)["concurrency"]["group"] for name in PRODUCTION}
    assert len(set(groups.values())) == len(PRODUCTION)
    for name in PRODUCTION:
        assert workflow(name)["concurrency"]["cancel-in-progress"] is False
        assert "${{" not in groups[name]  # so it is one for all runs


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ci"])
def test_a_role_is_taken_for_as_long_as_its_job_may_take(name: str) -> None:
    longest = {
        f"${{{{ vars.AWS_{said.upper()}_ROLE }}}}": int(seconds)
        for said, seconds in SESSIONS.findall(FOUNDATION)
    }
    for job, step in steps(name):
        if not step.get("uses", "").startswith(ROLE):
            continue
        seconds = step["with"].get("role-duration-seconds", 3600)
        assert jobs(name)[job]["timeout-minutes"] * 60 <= seconds
        assert seconds <= longest[step["with"]["role-to-assume"]]


def test_all_that_is_deployed_is_scanned() -> None:
    for name, job in (("ci", "images"), ("deploy", "build")):
        done = jobs(name)[job]["steps"]
        written = {
            step["with"]["output-file"]: step.get("if")
            for step in done if "/scan-action@" in step.get("uses", "")
        }  # fmt: skip
        assert set(written) == {SERVICE.report, FUNCTION.report, OF_THE_LAYER}
        assert written[OF_THE_LAYER] is None
        scanned = next(step for step in done if step.get("run") == "make scan")
        if name == "ci":
            assert set(written.values()) == {None}
            assert scanned["env"] == {"TARGET": "both"}


def test_all_that_is_locked_is_renewed() -> None:
    found = yaml_parse((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    (pip,) = (one for one in found if one["package-ecosystem"] == "pip")
    locks = (ROOT / "layers").glob("*/requirements.txt")
    folders = {f"/{lock.parent.relative_to(ROOT)}" for lock in locks} | {"/requirements"}
    assert set(pip["directories"]) == folders


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_only_calls_what_can_be_called_from_a_laptop(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for _, step in steps(name):
        if "run" not in step:
            continue
        assert "${{" not in step["run"]  # nothing that somebody typed becomes a command
        for target in commands_of(step["run"]):
            known = re.search(rf"^{target}:", makefile, re.MULTILINE)
            assert known or target.startswith("deploy-"), target


def test_every_step_is_a_command() -> None:
    known = {
        one.name or one.callback.__name__ for one in commands.registered_commands if one.callback
    }
    called = {
        target.removeprefix("deploy-")
        for _, step in steps("deploy") for target in commands_of(step.get("run", ""))
        if target.startswith("deploy-")
    }  # fmt: skip
    assert called == {"plan", *STEPS, "roll-back"}
    assert called <= known


def test_the_password_workflow_takes_a_hash_and_never_shows_it_as_an_argument() -> None:
    (rotated,) = (step for _, step in steps("rotate-password") if "HASH" in str(step.get("env")))
    assert rotated["run"] == "printf '%s\\n' \"$HASH\" | make rotate-password"
    assert set(workflow("rotate-password")["on"]["workflow_dispatch"]["inputs"]) == {"hash"}


@pytest.mark.parametrize("word", ["--persona auditor", "actionlint", "shellcheck"])
def test_the_workflows_are_linted_with_everything_else(word: str) -> None:
    lint = (ROOT / "Makefile").read_text().partition("\nlint: ")[2].partition("\n\n")[0]
    assert word in lint


def test_no_check_of_the_workflows_is_switched_off() -> None:
    assert not (ROOT / ".github" / "zizmor.yml").exists()
    for path in FOLDER.iterdir():
        assert "zizmor: ignore" not in path.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_linters_find_nothing(name: str) -> None:
    folder = Path(sys.executable).parent
    shellcheck = str(folder / "shellcheck")
    command = [str(folder / "actionlint"), "-shellcheck", shellcheck, str(FOLDER / f"{name}.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
