"""The cold start of the Lambda function against a bare import of its libraries.

Under AWS's emulator of the runtime, in the configuration of the demo door. Exit status 1 where
init takes more than 1.5 times the imports, or a warm analysis more than 60 ms.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from app.environment import Settings
from app.main import open_app
from benchmarks import bare_import
from tests.support import ROOT
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.gateway.emulator import emulated
from tests.support.gateway.events import Gateway, Shape

LARGEST_RATIO = 1.5
LONGEST_WARM_MS = 60
ENTRY = "import handlers.api, awslambdaric.bootstrap"


def libraries(environ: dict[str, str]) -> list[str]:
    """Every module that the function imports and that is not its own, in their order."""
    of_lambda = {"AWS_LAMBDA_FUNCTION_NAME": "sketchnorm", "AWS_REGION": "us-east-1"}
    return run("-c", bare_import.LIST.format(entry=ENTRY), **environ, **of_lambda).stdout.split()


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own, in the folder that holds the code."""
    command = [sys.executable, *words]
    return subprocess.run(  # noqa: S603 — our own words
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )


def imported(names: list[str]) -> float:
    """Seconds that a process takes to import them and to end."""
    started = time.perf_counter()
    run("-c", bare_import.IMPORT, *names)
    return time.perf_counter() - started


def seeded(folder: Path) -> dict[str, str]:
    """The settings of the demo door, with the copy that its image carries."""
    settings = Settings.load({"ENVIRONMENT": "local", "DATA_DIR": str(folder)}, folder)
    open_app(settings).state.services.stores.close()
    return {"READ_ONLY": "true", "DATA_DIR": str(folder), "UPLOADS_PER_MINUTE": "0"}


def cold(environ: dict[str, str], folder: Path) -> tuple[float, float, list[float]]:
    """Seconds of init, of the first analysis, and of later ones."""
    with emulated("handlers.api.handler", environ, folder) as function:
        gateway = Gateway(Shape(1, "live"), function.invoke)
        with httpx.Client(transport=gateway, base_url="https://gateway/live") as door:
            seconds = [analyse(door) for _ in range(21)]
        init = function.init_seconds()
        return init, seconds[0] - init, seconds[1:]


def analyse(door: httpx.Client) -> float:
    """Seconds of one analysis, gateway included."""
    files = {"image": ("house.png", as_bytes(a_picture()))}
    started = time.perf_counter()
    answer = door.post("/api/drawings", files=files, data={"age_years": "6.5"})
    seconds = time.perf_counter() - started
    answer.raise_for_status()
    return seconds


def profile() -> str:
    """The twenty slowest imports, each with what it imports in turn."""
    done = run("-X", "importtime", "-c", "import handlers.gateway, app.main")
    lines = [line.split("|") for line in done.stderr.splitlines() if "|" in line][1:]
    slowest = sorted(lines, key=lambda parts: -int(parts[1]))[:20]
    return "\n".join(f"{int(parts[1]) / 1000:8.0f} ms {parts[2]}" for parts in slowest)


def main() -> None:
    """Measure in turns, so that a busy moment hits both sides."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=9)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = seeded(folder / "demo")
        names = libraries(environ)
        imported(names)
        pairs = [(imported(names), cold(environ, folder)) for _ in range(rounds)]
    imports = statistics.median(bare for bare, _ in pairs)
    init = statistics.median(run[0] for _, run in pairs)
    first = statistics.median(run[1] for _, run in pairs)
    ratio = statistics.median(run[0] / bare for bare, run in pairs)
    warm = statistics.median(second for _, run in pairs for second in run[2]) * 1000
    print(f"{profile()}\n")
    print(f"bare import of {len(names)} modules: {imports:.2f} s, median of {rounds}")
    print(f"init: {init:.2f} s = {ratio:.2f} of that, pair by pair (limit {LARGEST_RATIO})")
    print(f"first analysis: {first * 1000:.0f} ms; init and first analysis: {init + first:.2f} s")
    print(f"warm analysis: {warm:.0f} ms (limit {LONGEST_WARM_MS})")
    sys.exit(ratio > LARGEST_RATIO or warm > LONGEST_WARM_MS)


if __name__ == "__main__":
    main()
