"""``sam``, run on the template that is deployed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import ROOT
from tests.support.polling import free_port, when_up

SAM = Path(sys.executable).with_name("sam")
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
ENVIRON = {
    "SAM_CLI_TELEMETRY": "0",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}


def sam(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end; its output tells what went wrong."""
    done = subprocess.run(
        [SAM, *words], env=environ(), cwd=ROOT, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done


@contextmanager
def start_api(image: str, folder: Path) -> Iterator[str]:
    """Where ``sam local start-api`` serves ``image``, with no limit of uploads."""
    sam("build", "ApiFunction")
    template = folder / "template.yaml"
    template.write_text(BUILT.read_text().replace("apifunction:latest", f"{image}:latest"))
    port = free_port()
    command = [
        str(SAM), "local", "start-api", "--template", str(template), "--port", str(port),
        "--skip-pull-image", "--warm-containers", "LAZY",
        "--parameter-overrides", "ApiRole=local", "UploadsPerMinute=0",
    ]  # fmt: skip
    log = folder / "start-api.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, env=environ(), cwd=ROOT, stdout=output, stderr=output) as process,
    ):
        try:
            yield when_up(f"http://127.0.0.1:{port}", lambda: process.poll() is None, 180)
        finally:
            process.terminate()


def environ() -> dict[str, str]:
    """No account and no reports home; docker's settings are this machine's."""
    return {**os.environ, **ENVIRON}
