"""What the commands that need images do without a tool for them, and at their end."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

WITH = str(ROOT / "tests" / "support" / "containers" / "with.sh")
ADVICE = "install Docker or podman, or, on Debian as root, run make containers."


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH on which there is bash, make, and neither Docker nor podman."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "make"):
        (folder / name).symlink_to(where(name))
    return folder


@pytest.fixture
def docker(bare: Path) -> Path:
    """A PATH whose Docker has every image that it is asked for, and what the tests run."""
    (bare / "docker").symlink_to(where("true"))
    for name in ("env", "sh", "sleep"):
        (bare / name).symlink_to(where(name))
    return bare


def where(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is not on the PATH"
    return found


def sentences(said: bytes) -> list[str]:
    """Without what make says about itself."""
    return [line for line in said.decode().splitlines() if not line.startswith("make: ***")]


@pytest.mark.parametrize("target", ["sam", "container", "test-packages", "benchmarks"])
def test_without_a_tool_one_sentence_says_what_to_do_and_nothing_is_begun(
    target: str, bare: Path, tmp_path: Path
) -> None:
    virtual_environment = tmp_path / "venv"
    asked = subprocess.run(
        [str(bare / "make"), target, f"VENV={virtual_environment}"],
        env={"PATH": str(bare)}, cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    (sentence,) = sentences(asked.stderr)
    assert sentence.endswith(ADVICE)
    assert (asked.returncode, asked.stdout) == (2, b"")
    assert not virtual_environment.exists()


def test_without_a_tool_a_command_is_not_run(bare: Path) -> None:
    asked = subprocess.run(
        [WITH, "bash", "-c", "echo It ran."],
        env={"PATH": str(bare)}, capture_output=True, check=False,
    )  # fmt: skip
    assert (asked.returncode, asked.stdout) == (1, b"")
    assert asked.stderr.decode().endswith(f"{ADVICE}\n")


def test_a_command_is_run_and_its_exit_status_told(docker: Path) -> None:
    asked = subprocess.run(
        [WITH, "sh", "-c", 'echo "$CONTAINER_TOOL"; exit 7'],
        env={"PATH": str(docker)}, capture_output=True, check=False,
    )  # fmt: skip
    assert (asked.returncode, asked.stdout, asked.stderr) == (7, b"docker\n", b"")


# With no signal ignored: these tests may run under nohup, whose SIGHUP bash cannot heed again.
HEEDED = ("env", "--default-signal")
# A process with another beside it. Python's, because dash may miss a SIGINT while it forks.
PAIR = """
import subprocess, time
subprocess.Popen(["sleep", "30"])
print("started", flush=True)
time.sleep(30)
"""


@pytest.mark.parametrize(
    ("came", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_all_that_a_command_started(came: int, status: int, docker: Path) -> None:
    with subprocess.Popen(
        [*HEEDED, WITH, sys.executable, "-c", PAIR],
        env={"PATH": str(docker)}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as asked:  # fmt: skip
        assert asked.stdout
        assert asked.stdout.readline() == b"started\n"
        asked.send_signal(came)
        # Its output ends only once nobody holds it open: neither of the two.
        assert asked.stdout.read() == b""
    assert asked.returncode == status


def test_what_a_command_leaves_behind_ends_with_it(docker: Path) -> None:
    asked = subprocess.run(
        [WITH, "sh", "-c", "sleep 30 & echo started"],
        env={"PATH": str(docker)}, capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    assert (asked.returncode, asked.stdout) == (0, b"started\n")
