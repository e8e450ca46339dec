"""The layer holds what the zip functions import, and nothing else is heavy in them."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support import ROOT

LAYER = ROOT / "layers" / "upkeep" / "requirements.txt"
RUNTIME = ROOT / "requirements" / "runtime.txt"
ZIP_FUNCTIONS = ("backup", "restore_drill", "retention")
LIST = "import sys, handlers.{name}; print(*{{n.split('.')[0] for n in sys.modules}})"


def locked(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z]+\])?==([^ ;]+)", file.read_text(), re.M))


@pytest.mark.parametrize("name", ZIP_FUNCTIONS)
def test_a_zip_function_imports_only_what_the_layer_holds(name: str) -> None:
    listed = subprocess.run(
        [sys.executable, "-c", LIST.format(name=name)], cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    providers = packages_distributions()
    used = {one.lower() for word in listed.stdout.split() for one in providers.get(word, [])}
    brought = {one.replace("_", "-") for one in used} - {"sketchnorm", "setuptools"}
    assert brought <= set(locked(LAYER))


def test_the_layer_has_the_versions_of_the_runtime() -> None:
    runtime = locked(RUNTIME)
    assert {name: runtime.get(name) for name in locked(LAYER)} == locked(LAYER)
