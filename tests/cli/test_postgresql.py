"""A site on PostgreSQL looked after from the command line, and what its own tools do."""

import subprocess
import sys

import pytest

from app.storage.schema import REVISIONS
from tests.support import ROOT
from tests.support.stores.databases import ON_POSTGRESQL, Kind, Place
from tests.support.stores.sites import Site


@pytest.fixture(params=[ON_POSTGRESQL])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


def sketchnorm(place: Place, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {"DATA_DIR": str(place.folder), "DATABASE_URL": place.url, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "300", **environ, **settings},
        cwd=place.folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def refusal(said: subprocess.CompletedProcess[str]) -> str:
    assert said.returncode == 1, said.stdout
    assert "Traceback" not in said.stderr
    return " ".join(said.stderr.split())


def test_it_is_migrated_forth_and_back_by_who_has_dumped_it(place: Place) -> None:
    newest = REVISIONS[-1]
    assert f"from schema none to {newest}" in sketchnorm(place, "migrate").stdout
    refused = refusal(sketchnorm(place, "migrate", "--to", "0002"))
    assert "make a backup with pg_dump" in refused
    assert "--without-backup" in refused
    back = sketchnorm(place, "migrate", "--to", "0002", "--without-backup").stdout
    assert f"from schema {newest} to 0002" in back
    assert "pg_dump" in refusal(sketchnorm(place, "migrate"))
    again = sketchnorm(place, "migrate", "--without-backup").stdout
    assert f"from schema 0002 to {newest}" in again


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_it_is_backed_up_and_restored_by_its_own_tools(place: Place, command: str) -> None:
    assert "use pg_dump and pg_restore" in refusal(sketchnorm(place, command))


def test_whose_settings_are_those_of_a_file_does_not_start(place: Place) -> None:
    journal = sketchnorm(place, "migrate", DATABASE_JOURNAL="delete")
    assert "set DATABASE_JOURNAL=auto" in refusal(journal)
    assert "set READ_ONLY=false" in refusal(sketchnorm(place, "jobs", READ_ONLY="true"))


def test_its_inventory_is_taken_and_retention_runs(place: Place) -> None:
    with place.opened() as database:
        Site(database, place.blobs).submits()
    said = sketchnorm(place, "inventory", "--grace", "0")
    assert "Rows refer to 2 blobs, 0 of them are missing" in said.stdout
    said = sketchnorm(place, "retention")
    assert ["drawings", "0"] in [line.split() for line in said.stdout.splitlines()]
