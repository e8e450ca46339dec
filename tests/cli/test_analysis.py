"""Analyses from the command line: one drawing, a manifest, a sitting."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.data.pictures import a_picture, as_bytes

SKETCHNORM = Path(sys.executable).with_name("sketchnorm")


def sketchnorm(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SKETCHNORM, *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    path = tmp_path / "house.png"
    path.write_bytes(as_bytes(a_picture()))
    return path


def test_one_drawing_as_json_with_its_map(drawing: Path, tmp_path: Path) -> None:
    said = sketchnorm("analyze", drawing, "--age", "6.5", "--category", "house", "--json",
                      "--map", tmp_path / "map.png")  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["norm"]["age_band"] == "6"
    with Image.open(tmp_path / "map.png") as mapped:
        assert mapped.size == (300, 300)


@pytest.mark.parametrize("age", ["6;6", "6,5", "78 months"])
def test_an_age_is_read_as_in_manifests_and_on_the_page(drawing: Path, age: str) -> None:
    said = sketchnorm("analyze", drawing, "--age", age, "--json")
    assert json.loads(said.stdout)["norm"]["age_band"] == "6"


def test_an_age_with_two_meanings_is_refused_with_both(drawing: Path) -> None:
    said = sketchnorm("analyze", drawing, "--age", "5.10")
    assert said.returncode == 1
    assert "5 years 1 month or 5 years 10 months" in " ".join(said.stderr.split())


def test_one_drawing_in_sentences(drawing: Path) -> None:
    said = sketchnorm("analyze", drawing, "--age", "6.5")
    assert "not a diagnosis" in said.stdout


def test_a_manifest_gives_a_line_a_drawing_and_maps_by_row_number(
    drawing: Path, tmp_path: Path
) -> None:
    manifest, lines = tmp_path / "m.csv", tmp_path / "r.ndjson"
    manifest.write_text("file,age_years,category\nnone.png,5,\nhouse.png,6.5,house\n")
    said = sketchnorm(
        "analyze", "--manifest", manifest, "--out", lines, "--maps", tmp_path / "maps"
    )
    assert said.returncode == 3
    assert "1 of 2 rows failed" in said.stderr
    first, second = (json.loads(line) for line in lines.read_text().splitlines())
    assert "error" in first
    assert second["verdict"] == "drawing"
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["1.png"]


def test_a_refusal_is_one_sentence_and_a_failing_status(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    said = sketchnorm("analyze", tmp_path / "text.png", "--age", "5")
    assert said.returncode == 1
    assert "not a picture" in " ".join(said.stderr.split())
    assert "Traceback" not in said.stderr


def test_half_of_the_arguments_is_explained(drawing: Path) -> None:
    said = sketchnorm("analyze", drawing)
    assert said.returncode == 2
    assert "--age" in said.stderr


def test_a_sitting_is_a_line_with_its_sentences(tmp_path: Path) -> None:
    for name in ("house", "fish"):
        (tmp_path / f"{name}.png").write_bytes(as_bytes(a_picture(name)))
    manifest, lines = tmp_path / "m.csv", tmp_path / "r.ndjson"
    manifest.write_text(
        "file,age_years,sitting,category\nhouse.png,6.5,anna,house\nfish.png,6.5,anna,fish\n"
    )
    said = sketchnorm("sitting", "--manifest", manifest, "--out", lines)
    assert said.returncode == 0, said.stderr
    (line,) = (json.loads(line) for line in lines.read_text().splitlines())
    assert (line["sitting"], line["drawings"]) == ("anna", 2)
    assert "resemble each other" in line["dependence"]
