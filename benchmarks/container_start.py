"""The start of the service's image against a bare import of its libraries, both as a Fargate task.

Run by ``tests/support/containers/with.sh .venv/bin/python -m benchmarks.container_start``. Exit
status 1 where the service is healthy later than 1.5 times the imports take.
"""

import argparse
import statistics
import sys
import time

from tests.packages.doors import WRITABLE, own_database
from tests.support import containers
from tests.support.ports import free_port, when_up

LARGEST_RATIO = 1.5
LIST_LIBRARIES = """
import sys, ecs.serve
own = {"app", "ecs", "__main__"} | sys.stdlib_module_names
spec = lambda name: getattr(sys.modules[name], "__spec__", None)
print(*(n for n in sys.modules if n.split(".")[0] not in own and spec(n) and spec(n).has_location))
"""
IMPORT = """
import importlib, os, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
os._exit(0)
"""


def bare_import(names: list[str]) -> float:
    """Seconds from starting a container until it has imported them and ended."""
    started = time.perf_counter()
    command = ["python", "-c", IMPORT, *names]
    with containers.running(containers.service_image(), command=command) as container:
        containers.tool("wait", container.id)
        return time.perf_counter() - started


def healthy() -> float:
    """Seconds from starting a container until ``/livez`` says OK."""
    port = free_port()
    environ = {**own_database(WRITABLE), "PORT": str(port)}
    started = time.perf_counter()
    with containers.running(containers.service_image(), environ=environ) as container:
        when_up(f"http://127.0.0.1:{port}", container.is_running)
        return time.perf_counter() - started


def libraries() -> list[str]:
    """Every module that the service imports and that is not its own, in their order."""
    options = ["--rm", containers.service_image(), "python", "-c", LIST_LIBRARIES]
    return containers.tool("run", *options).split()


def main() -> None:
    """Measure in turns, so that a busy moment hits both sides."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    rounds = options.parse_args().rounds
    names = libraries()
    pairs = [(bare_import(names), healthy()) for _ in range(rounds)]
    imports = statistics.median(bare for bare, _ in pairs)
    start = statistics.median(whole for _, whole in pairs)
    print(f"bare import of {len(names)} modules: {imports:.1f} s, median of {rounds}")
    print(f"healthy after {start:.1f} s = {start / imports:.2f} of that (limit {LARGEST_RATIO})")
    sys.exit(start > LARGEST_RATIO * imports)


if __name__ == "__main__":
    main()
