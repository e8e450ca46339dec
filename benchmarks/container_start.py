"""The start of the service's image against a bare import of its libraries, both as a Fargate task.

Run by ``tests/support/containers/with.sh .venv/bin/python -m benchmarks.container_start``. Exit
status 1 where the service is healthy later than 1.5 times the imports take.
"""

import argparse
import signal
import statistics
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bare_import
from tests.support import containers
from tests.support.polling import free_port, when_up

LARGEST_RATIO = 1.5
ENTRY = """
import os, pathlib, app.environment, app.main, ecs.serve, ecs.server
app.main.open_app(app.environment.Settings.load(os.environ, pathlib.Path.cwd()))
"""


@dataclass(frozen=True)
class Task:
    """A task of the service whose database was made and seeded before, as after every restart."""

    data: Path

    def start(self, *command: str, **environ: str) -> AbstractContextManager[containers.Container]:
        """Run the image's own command, or another."""
        mounted = [f"--volume={self.data}:/data:ro"]
        settings = {"ENVIRONMENT": "local", "READ_ONLY": "true", "DATA_DIR": "/data", **environ}
        return containers.running(containers.service_image(), mounted, command, settings)

    def libraries(self) -> list[str]:
        """Every module that the service imports and that is not its own, in their order."""
        with self.start("python", "-c", bare_import.LIST.format(entry=ENTRY)) as container:
            containers.tool("wait", container.id)
            return container.log().split()

    def imported(self, names: list[str]) -> float:
        """Seconds from starting a container until it has imported them and ended."""
        started = time.perf_counter()
        with self.start("python", "-c", bare_import.IMPORT, *names) as container:
            containers.tool("wait", container.id)
            return time.perf_counter() - started

    def healthy(self) -> float:
        """Seconds from starting a container until ``/livez`` says OK."""
        port = free_port()
        started = time.perf_counter()
        with self.start(PORT=str(port)) as container:
            when_up(f"http://127.0.0.1:{port}", container.is_running)
            return time.perf_counter() - started


def seed(folder: Path) -> None:
    """Make the database with another container, whose user it then belongs to."""
    folder.chmod(0o777)
    for word in ("migrate", "seed"):
        with containers.running(
            containers.service_image(), [f"--volume={folder}:/data"], ["sketchnorm", word],
            {"ENVIRONMENT": "local", "DATA_DIR": "/data"},
        ) as container:  # fmt: skip
            if containers.tool("wait", container.id) != "0":
                raise RuntimeError(container.log())


def main() -> None:
    """Measure in turns, so that a busy moment hits both sides."""
    # As Ctrl+C does, so that the container which runs is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        seed(Path(name))
        task = Task(Path(name))
        names = task.libraries()
        pairs = [(task.imported(names), task.healthy()) for _ in range(rounds)]
    imports = statistics.median(bare for bare, _ in pairs)
    start = statistics.median(whole for _, whole in pairs)
    ratio = statistics.median(whole / bare for bare, whole in pairs)
    print(f"bare import of {len(names)} modules: {imports:.1f} s, median of {rounds}")
    print(
        f"healthy after {start:.1f} s = {ratio:.2f} of that, pair by pair (limit {LARGEST_RATIO})"
    )
    sys.exit(ratio > LARGEST_RATIO)


if __name__ == "__main__":
    main()
