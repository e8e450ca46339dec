"""The service's process: its signals and its lines."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import ROOT
from tests.support.polling import free_port, until, when_up

ID = "JKJaXmPLvHcESHA="


# What an extension module does whose initialisation is interrupted by an exception.
SIGTERM_DURING_IMPORT = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGTERM)
    os.getpid()
except BaseException as error:
    raise ImportError("initialization failed") from error
"""


@contextmanager
def started(folder: Path, module: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address; whether it answers there is another thing.

    A module that lies in ``folder`` stands for the installed one of its name.
    """
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(folder),
        "PORT": str(port), "DATA_DIR": str(folder / "var"), "UPLOADS_PER_MINUTE": "0",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", module], env=environ, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as server:  # fmt: skip
        try:
            yield server, f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def hears_sigterm(server: subprocess.Popen[str]) -> bool:
    """Whether it has told the kernel what is to be done with that signal."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("seconds", [0, 0.4, 0.8])
def test_sigterm_ends_it_well_however_early_it_comes(tmp_path: Path, seconds: float) -> None:
    with started(tmp_path, "ecs.serve") as (server, _):
        # Without a pause, so that the earliest signal comes as early as it can.
        until(lambda: hears_sigterm(server), alive=lambda: server.poll() is None, pause=0)
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0.01 + seconds)
        server.terminate()
        assert server.wait(10) == 0


def test_sigterm_ends_it_well_within_an_import_that_turns_exceptions_into_its_own(
    tmp_path: Path,
) -> None:
    (tmp_path / "onnxruntime.py").write_text(SIGTERM_DURING_IMPORT)
    with started(tmp_path, "ecs.serve") as (server, _):
        assert (server.communicate()[0], server.returncode) == ("", 0)


def test_the_traceback_of_a_defect_is_a_line_with_the_id_of_its_request(tmp_path: Path) -> None:
    with started(tmp_path, "tests.packages.probe_server") as (server, address):
        when_up(address, lambda: server.poll() is None)
        answer = httpx.get(f"{address}/probe/fails", headers={"X-Apigw-Request-Id": ID})
        assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
        server.terminate()
        lines = [json.loads(line) for line in server.communicate()[0].splitlines()]
    (told,) = [line for line in lines if "exception" in line]
    assert (told["level"], told["correlation_id"]) == ("ERROR", ID)
    assert [status_of(line) for line in lines if line.get("correlation_id") == ID] == [500, None]


def status_of(line: dict[str, Any]) -> object:
    return line.get("status")
