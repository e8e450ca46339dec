"""AWS's own emulator of the Lambda runtime, which comes with aws-sam-cli."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import samcli

from tests.support import ROOT
from tests.support.polling import TLS, free_port, when_listening

EMULATOR = Path(samcli.__file__).parent / "local" / "rapid" / "aws-lambda-rie-x86_64"
INVOCATIONS = "/2015-03-31/functions/function/invocations"


@dataclass(frozen=True)
class EmulatedFunction:
    """One instance of a function; it takes one event at a time, as an instance on AWS does."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def invoke(self, event: Mapping[str, object]) -> object:
        """The function's answer; a text where it timed out."""
        with self._turn:
            return post_event(self.address, event)

    def init_seconds(self) -> float:
        """How long its modules took to import, as the emulator reports it."""
        found = re.search(r"INIT REPORT\(durationMs: ([0-9.]+)", self.log.read_text())
        assert found, self.log.read_text()
        return float(found.group(1)) / 1000


def post_event(address: str, event: Mapping[str, object]) -> object:
    """The answer of the function that is emulated at ``address``; a text where it timed out."""
    response = httpx.post(f"{address}{INVOCATIONS}", json=event, timeout=120, verify=TLS)
    try:
        answer: object = response.json()
    except json.JSONDecodeError:
        return response.text
    return answer


@contextmanager
def emulated(
    handler: str, environ: Mapping[str, str], folder: Path, timeout_seconds: int = 30
) -> Iterator[EmulatedFunction]:
    """A function whose handler is ``handler``, with ``environ`` and nothing else set."""
    port, api_port = free_port(), free_port()
    command = [
        str(EMULATOR), "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
        "--runtime-api-address", f"127.0.0.1:{api_port}", "--log-level", "info",
        sys.executable, "-m", "awslambdaric", handler,
    ]  # fmt: skip
    of_lambda = {
        "AWS_LAMBDA_FUNCTION_NAME": "sketchnorm",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_REGION": "us-east-1",
        "LAMBDA_TASK_ROOT": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    log = folder / f"emulator-{port}.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, env={**of_lambda, **environ}, cwd=ROOT, stdout=output, stderr=output
        ) as process,
    ):
        try:
            address = when_listening(port, lambda: process.poll() is None)
            yield EmulatedFunction(address, process, log)
        finally:
            process.terminate()
