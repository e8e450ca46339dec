"""How many modules somebody has to know who follows one task through the application."""

import re
import subprocess
import sys

import pytest

from tests.support import ROOT

MOST = {"upload": 32, "backup": 10}


def walked(task: str) -> list[str]:
    said = subprocess.run(
        [sys.executable, "-m", "tests.infra.walks", task],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return said.stdout.split()


def told(task: str) -> list[str]:
    """The modules that the documentation lists, in order."""
    page = (ROOT / "docs" / "developing.md").read_text(encoding="utf-8")
    section = re.search(rf"^### One {task}.*?(?=^##)", page, re.MULTILINE | re.DOTALL)
    assert section is not None
    return sorted(re.findall(r"`app/([a-z_/]+)\.py`", section[0]))


@pytest.mark.parametrize("task", MOST)
def test_a_walk_is_as_short_as_the_documentation_says(task: str) -> None:
    modules = walked(task)
    assert len(modules) <= MOST[task]
    assert told(task) == modules
