import json
from pathlib import Path

from tests.cli.test_cli import sketchnorm
from tests.support.data.pictures import BUNDLE, a_drawing, as_bytes


def test_a_sitting_is_a_line_with_its_sentences(tmp_path: Path) -> None:
    for name in ("house", "fish"):
        (tmp_path / f"{name}.png").write_bytes(as_bytes(a_drawing(name)))
    manifest, lines = tmp_path / "m.csv", tmp_path / "r.ndjson"
    manifest.write_text(
        "file,age_years,sitting,category\nhouse.png,6.5,anna,house\nfish.png,6.5,anna,fish\n"
    )
    said = sketchnorm("sitting", "--manifest", manifest, "--out", lines)
    assert said.returncode == 0, said.stderr
    (line,) = (json.loads(line) for line in lines.read_text().splitlines())
    assert (line["sitting"], line["drawings"]) == ("anna", 2)
    assert "resemble each other" in line["dependence"]


def test_too_few_drawings_to_calibrate_on_are_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "house.png").write_bytes(as_bytes(a_drawing()))
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,age_years\nhouse.png,6.5\n")
    said = sketchnorm(
        "calibrate", "--bundle", BUNDLE, "--manifest", manifest, "--name", "ours",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert said.returncode == 1
    assert "at least 60 children" in " ".join(said.stderr.split())
    assert "Traceback" not in said.stderr
