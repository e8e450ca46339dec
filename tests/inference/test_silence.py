"""The model's runtime tells nobody that it runs."""

import subprocess
import sys

import pytest

from tests.support import ROOT

OPEN = """
import {module}, pathlib
from app.inference.features import Trunk
Trunk(pathlib.Path("bundle/trunk.onnx"))
"""
# Where it would report, it wants to keep an id of the device, and complains where it cannot.
COMPLAINT = "telemetry"


def complaints(module: str) -> str:
    """What is said when the runtime starts where nothing can be kept, as in our images."""
    nowhere = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", OPEN.format(module=module)], cwd=ROOT, env=nowhere,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_opening_the_trunk_reports_to_nobody() -> None:
    assert COMPLAINT not in complaints("app")


def test_left_to_itself_it_would_report() -> None:
    if COMPLAINT not in complaints("onnxruntime"):
        pytest.skip("this release of onnxruntime reports nothing by itself")
