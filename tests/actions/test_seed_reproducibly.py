"""A database that is seeded as of a moment is the same file, whenever and wherever that is done."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT

THEN = "1764000000"
OWN_OF_A_MACHINE = {".key", ".json"}  # left out of the image, too


def seeded(folder: Path) -> dict[str, str]:
    """The digests of all files, by the commands that ``Dockerfile.lambda`` runs."""
    environ = {"PATH": os.environ["PATH"], "ENVIRONMENT": "local", "DATA_DIR": str(folder)}
    for words in (["migrate"], ["seed", "--as-of", THEN]):
        subprocess.run(
            [sys.executable, "-m", "app.cli", *words],
            env=environ, cwd=ROOT, check=True, capture_output=True,
        )  # fmt: skip
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.parent != folder or path.suffix not in OWN_OF_A_MACHINE
    }


def test_two_databases_that_are_seeded_as_of_one_moment_are_one_file(tmp_path: Path) -> None:
    first, second = seeded(tmp_path / "one"), seeded(tmp_path / "two")
    assert len(first) > 24
    assert first == second
