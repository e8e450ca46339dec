"""Bundles from the command line: calibrated, published, listed, gone back from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.data.bundles import BUNDLE, another_bundle, flip_a_byte
from tests.support.data.pictures import a_picture, as_bytes

SKETCHNORM = Path(sys.executable).with_name("sketchnorm")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "var"


def sketchnorm(data: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"DATA_DIR": str(data), "ENVIRONMENT": "local"}
    return subprocess.run(
        [SKETCHNORM, *map(str, words)],
        capture_output=True, text=True, timeout=120, check=False, env=environ,
    )  # fmt: skip


def test_bundles_are_published_listed_and_gone_back_from(data: Path, tmp_path: Path) -> None:
    assert "No bundle is published" in sketchnorm(data, "bundles").stdout
    for version in ("test-1", "test-2"):
        said = sketchnorm(data, "publish", another_bundle(tmp_path, version))
        assert said.stdout.startswith(f"Bundle {version} "), said.stderr
    listed = sketchnorm(data, "bundles").stdout
    lines = {line.split()[1]: line for line in listed.splitlines() if "test-" in line}
    assert "previous" in lines["test-1"]
    assert "current" in lines["test-2"]
    assert sketchnorm(data, "rollback").stdout.startswith("Bundle test-1 ")


def test_what_cannot_be_done_is_a_sentence_and_a_failing_status(data: Path, tmp_path: Path) -> None:
    damaged = another_bundle(tmp_path)
    flip_a_byte(damaged / "card.json")
    for words, why in (
        (("publish", damaged), "card.json"),
        (("rollback",), "No bundle is published"),
    ):
        said = sketchnorm(data, *words)
        assert said.returncode == 1
        assert why in " ".join(said.stderr.split())
        assert "Traceback" not in said.stderr


def test_too_few_drawings_to_calibrate_on_are_refused_in_a_sentence(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "house.png").write_bytes(as_bytes(a_picture()))
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,age_years\nhouse.png,6.5\n")
    said = sketchnorm(
        data, "calibrate", "--bundle", BUNDLE, "--manifest", manifest, "--name", "ours",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert said.returncode == 1
    assert "at least 60 children" in " ".join(said.stderr.split())
    assert "Traceback" not in said.stderr
