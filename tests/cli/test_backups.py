"""Backing up and restoring from the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.people.operators import Operator

SKETCHNORM = Path(sys.executable).with_name("sketchnorm")


def sketchnorm(operator: Operator, *words: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"DATA_DIR": str(operator.folder), "ENVIRONMENT": "local"}
    return subprocess.run(
        [SKETCHNORM, *words],
        capture_output=True, text=True, timeout=120, check=False, env=environ,
    )  # fmt: skip


def test_a_backup_is_made_noted_listed_and_restored(operator: Operator) -> None:
    assert "no backup yet" in sketchnorm(operator, "backups").stdout
    operator.keeps("house")
    made = sketchnorm(operator, "backup").stdout
    name = made.split()[2]
    assert "is in the store" in made
    assert f"as in the backup {name}" in sketchnorm(operator, "backup").stdout
    assert name[-12:] in sketchnorm(operator, "backups").stdout
    operator.keeps("boat")
    said = sketchnorm(operator, "restore").stdout
    assert f"The backup {name} is restored to" in said
    assert "What was there before is" in said
    assert operator.finds() == ["house"]


def test_a_backup_of_a_time_is_restored_beside_the_database(
    operator: Operator, tmp_path: Path
) -> None:
    operator.backs_up()
    operator.keeps("house")
    file = tmp_path / "copy.sqlite3"
    said = sketchnorm(operator, "restore", "--at", "2099-01-01T00:00Z", "--to", str(file))
    assert said.returncode == 0, said.stderr
    assert operator.finds(file) == []
    assert operator.finds() == ["house"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("restore", "--at", "2020-01-01"), "no backup made at 2020-01-01T00:00:00+00:00"),
        (("restore", "--at", "yesterday"), "2026-11-23T06:00Z"),
    ],
    ids=["no such backup", "no time"],
)
def test_what_cannot_be_restored_is_a_sentence(
    operator: Operator, words: tuple[str, ...], why: str
) -> None:
    said = sketchnorm(operator, *words)
    assert said.returncode != 0
    assert why in " ".join(said.stderr.split())
    assert "Traceback" not in said.stderr


def test_the_inventory_lists_what_has_no_counterpart_and_fails(operator: Operator) -> None:
    assert sketchnorm(operator, "inventory").returncode == 0
    operator.keeps("house")
    operator.blobs.put("drawings/lost", b"x", "image/png")
    said = sketchnorm(operator, "inventory", "--grace", "0")
    assert said.returncode == 1
    assert "unreferred  drawings/lost" in said.stdout
    assert "missing     drawings/a.png" in said.stdout
