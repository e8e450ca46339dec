"""The service of podman, which runs as long as a command needs it and no longer."""

import os
import signal
import subprocess

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.packages
WITH = str(ROOT / "tests" / "support" / "containers" / "with.sh")
# As before a tool is found.
FOUND = ("CONTAINER_TOOL", "DOCKER_HOST")
OUTSIDE = {name: value for name, value in os.environ.items() if name not in FOUND}


@pytest.fixture(autouse=True)
def podman() -> None:
    if os.environ["CONTAINER_TOOL"] != "podman":
        pytest.skip("Docker has a service of its own.")


def is_served(address: str) -> bool:
    found = subprocess.run(["pgrep", "--full", f"podman system service .*{address}"], check=False)
    return found.returncode == 0


def test_no_service_is_left_after_a_command() -> None:
    command = [WITH, "sh", "-c", 'echo "$DOCKER_HOST"']
    address = subprocess.run(command, env=OUTSIDE, capture_output=True, check=True).stdout.decode()
    assert address.startswith("unix://")
    assert not is_served(address.strip())


def test_no_service_is_left_after_a_signal() -> None:
    command = [WITH, "sh", "-c", 'echo "$DOCKER_HOST"; exec sleep 30']
    with subprocess.Popen(command, env=OUTSIDE, stdout=subprocess.PIPE, text=True) as asked:
        assert asked.stdout
        address = asked.stdout.readline().strip()
        assert is_served(address)
        asked.send_signal(signal.SIGTERM)
    assert asked.returncode == 143
    assert not is_served(address)


def test_a_service_that_ran_before_goes_on() -> None:
    subprocess.run([WITH, "true"], env=OUTSIDE, check=True)
    assert is_served(os.environ["DOCKER_HOST"])
