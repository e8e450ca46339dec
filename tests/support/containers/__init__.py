"""Images and containers, by the tool that ``with.sh`` found or set up."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support import ROOT

SERVICE, FUNCTION, PROBED = "sketchnorm-ecs", "sketchnorm-api", "sketchnorm-api-probed"
# A Fargate task of 0.25 vCPU and 512 MB, as far as a container can be one.
FARGATE = (
    "--cpus", "0.25", "--memory", "512m", "--memory-swap", "512m", "--read-only",
    "--tmpfs=/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
    "--pids-limit", "200", "--network", "host",
)  # fmt: skip


@dataclass(frozen=True)
class Container:
    """A container that was started."""

    id: str

    def is_running(self) -> bool:
        """Whether its process goes on."""
        return tool("inspect", "--format", "{{.State.Running}}", self.id) == "true"

    def stop(self, seconds: int) -> None:
        """SIGTERM, and SIGKILL after that many seconds."""
        tool("stop", "--time", str(seconds), self.id)

    def exit_status(self) -> int:
        """Of a container that has ended."""
        return int(tool("inspect", "--format", "{{.State.ExitCode}}", self.id))

    def log(self) -> str:
        """What it printed."""
        return tool("logs", self.id)

    def peak_bytes(self) -> int:
        """The most memory that it used, its files in memory included."""
        pid = tool("inspect", "--format", "{{.State.Pid}}", self.id)
        return _peak(Path(f"/proc/{pid}/cgroup").read_text())


def tool(*words: str) -> str:
    """Run docker or podman."""
    command = [os.environ["CONTAINER_TOOL"], *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run_in(container: Container, *command: str) -> int:
    """The exit status of a command inside a container that runs."""
    whole = [os.environ["CONTAINER_TOOL"], "exec", container.id, *command]
    return subprocess.run(whole, capture_output=True, check=False).returncode


@cache
def service_image() -> str:
    """Build ``Dockerfile.ecs``."""
    return _built("Dockerfile.ecs", SERVICE)


@cache
def function_image() -> str:
    """Build ``Dockerfile.lambda``."""
    return _built("Dockerfile.lambda", FUNCTION)


@cache
def probed_function_image() -> str:
    """The function's image with the probe beside the application."""
    function_image()
    return _built("tests/packages/Dockerfile.probe", PROBED, "tests")


@contextmanager
def running(
    image: str,
    options: Sequence[str] = (),
    command: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Iterator[Container]:
    """A container within the limits of production, removed at the end."""
    variables = [
        word for name, text in (environ or {}).items() for word in ("-e", f"{name}={text}")
    ]
    # By its label with.sh finds what a signal kept from being removed here.
    words = ["run", "--detach", "--label", os.environ["CONTAINER_LABEL"], *FARGATE, *variables]
    container = Container(tool(*words, *options, image, *command))
    try:
        yield container
    finally:
        _remove(container)


def health_check(image: str) -> list[str]:
    """The command by which the image says that it wants to be watched."""
    told = json.loads(tool("image", "inspect", image))[0]
    check = told.get("Healthcheck") or told["Config"]["Healthcheck"]  # podman, Docker
    kind, *command = check["Test"]
    assert kind == "CMD"
    return [str(word) for word in command]


def layers_above(image: str, base: str) -> int:
    """How many bytes ``image`` adds to ``base``, uncompressed."""
    sizes = [json.loads(tool("image", "inspect", name))[0]["Size"] for name in (image, base)]
    return int(sizes[0] - sizes[1])


def _remove(container: Container) -> None:
    """At once, and no signal comes between: podman loses the process that it was just stopping."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        container.stop(0)
        tool("rm", "--force", container.id)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _built(dockerfile: str, name: str, context: str = ".") -> str:
    formats = ["--format", "docker"] if os.environ["CONTAINER_TOOL"] == "podman" else []
    tool("build", "--network", "host", *formats, "-f", dockerfile, "-t", name, context)
    return name


def _peak(groups: str) -> int:
    """From either version of control groups."""
    for line in groups.splitlines():
        _, kinds, path = line.split(":", 2)
        if "memory" in kinds.split(","):
            file = Path(f"/sys/fs/cgroup/memory{path}/memory.max_usage_in_bytes")
            return int(file.read_text())
        if not kinds and Path(f"/sys/fs/cgroup{path}/memory.peak").exists():
            return int(Path(f"/sys/fs/cgroup{path}/memory.peak").read_text())
    raise LookupError("no control group tells the memory")
