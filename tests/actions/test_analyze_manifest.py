"""Manifests: a line of JSON for each drawing, or for each child's sitting."""

from pathlib import Path

import numpy as np
import pytest

from app.actions.analyze_manifest import analyze_rows, analyze_sittings, read_sittings
from app.errors import InvalidRequest
from app.inference.analyzer import BundleAnalyzer
from app.inference.bundle import Bundle
from app.inference.manifest import read_manifest
from app.scoring.assessment import Verdict
from app.scoring.sitting import SittingCalibration, Sittings
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.data.bundles import BUNDLE
from tests.support.data.pictures import a_picture, as_bytes

NORMAL = np.random.default_rng(0).normal(size=99)
SOME = SittingCalibration(0.2, NORMAL, np.full(99, 2, np.int32))
KNOWN = Sittings(SOME, SOME)


def write_manifest(folder: Path, *lines: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_sittings(folder: Path, *lines: str) -> Path:
    return write_manifest(folder, "file,age_years,sitting,category", *lines)


def test_a_bad_row_is_a_line_with_its_error_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(as_bytes(a_picture()))
    (tmp_path / "bad.png").write_text("not a picture")
    bad = ("bad.png,5,", "missing.png,5,", "good.png,five,")
    manifest = write_manifest(tmp_path, "file,age_years,category", *bad, "good.png,5.5,house")
    rows = read_manifest(manifest)
    lines = list(analyze_rows(FakeAnalyzer(), rows, tmp_path, tmp_path))
    assert [("error" in line) for line in lines] == [True, True, True, False]
    assert all(line["error"].endswith(".") for line in lines[:3])
    assert lines[3]["verdict"] == "drawing"
    assert (tmp_path / "3.png").read_bytes().startswith(b"\x89PNG")


def analyze(manifest: Path, analyzer: FakeAnalyzer, norms: Sittings = KNOWN) -> list[dict]:  # type: ignore[type-arg]
    return list(analyze_sittings(analyzer, norms, read_sittings(manifest), manifest.parent))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(as_bytes(a_picture()))
    (tmp_path / "b.png").write_bytes(as_bytes(a_picture("fish")))
    (tmp_path / "text.png").write_text("hello")
    return tmp_path


def test_rows_of_a_sitting_become_one_line_whatever_their_order(folder: Path) -> None:
    manifest = write_sittings(folder, "a.png,6,x,house", "b.png,6,y,cat", "b.png,6,x,cat")
    first, second = analyze(manifest, FakeAnalyzer())
    assert (first["sitting"], first["drawings"], first["used"]) == ("x", 2, ["a.png", "b.png"])
    assert (second["sitting"], second["drawings"], second["method"]) == ("y", 1, "single")
    assert first["p_value"] < second["p_value"]
    assert first["flagged"]
    assert "a correlation of 0.20 is allowed for" in first["dependence"]
    assert second["dependence"] is None


def test_drawings_that_cannot_be_read_are_left_out_with_the_reason(folder: Path) -> None:
    manifest = write_sittings(folder, "a.png,6,x,house", "text.png,6,x,", "none.png,6,x,")
    (line,) = analyze(manifest, FakeAnalyzer())
    assert line["drawings"] == 1
    assert [row["file"] for row in line["left_out"]] == ["text.png", "none.png"]
    assert all(row["why"].endswith(".") for row in line["left_out"])
    assert any("2 drawings were left out" in sentence for sentence in line["sentences"])


def test_a_sitting_of_no_drawings_at_all_has_no_p_value(folder: Path) -> None:
    manifest = write_sittings(folder, "a.png,6,x,", "b.png,6,x,")
    (line,) = analyze(manifest, FakeAnalyzer(verdict=Verdict.NOT_A_DRAWING))
    assert (line["p_value"], line["flagged"], line["drawings"]) == (None, None, 0)
    assert {row["why"] for row in line["left_out"]} == {"It does not look like a drawing."}


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        (("a.png,5,x,", "b.png,7,x,"), "of ages 5 to 7"),
        (("text.png,6,x,",), "None of the drawings can be read"),
        (("a.png,six,x,",), "is no age"),
    ],
    ids=["two ages", "nothing readable", "no age"],
)
def test_a_sitting_that_cannot_be_analysed_is_a_line_with_its_error(
    folder: Path, rows: tuple[str, ...], word: str
) -> None:
    bad, good = analyze(write_sittings(folder, *rows, "a.png,6,y,"), FakeAnalyzer())
    assert word in bad["error"]
    assert good["drawings"] == 1


@pytest.mark.parametrize("line", ["a.png,6,,"])
def test_a_row_that_names_no_sitting_is_refused(folder: Path, line: str) -> None:
    with pytest.raises(InvalidRequest, match="names no sitting"):
        read_sittings(write_sittings(folder, line))


def test_a_manifest_without_sittings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("file,age_years\na.png,6\n")
    with pytest.raises(InvalidRequest, match="lacks the column sitting"):
        read_sittings(tmp_path / "m.csv")


def test_the_shipped_bundle_knows_how_far_drawings_of_a_child_depend(folder: Path) -> None:
    bundle = Bundle.open(BUNDLE)
    sittings = read_sittings(write_sittings(folder, "a.png,6,x,house", "b.png,6,x,fish"))
    lines = analyze_sittings(BundleAnalyzer(bundle), bundle.norms.sittings, sittings, folder)
    line = next(lines)
    assert line["method"] == "calibrated"
    assert 0 < line["correlation"] < 0.6
    assert line["resolution"] <= line["p_value"] <= 1
    assert line["apparent_age"]["low"] < line["apparent_age"]["years"]
