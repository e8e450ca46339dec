import json
from pathlib import Path

import pytest

from app.actions.analyze_manifest import analyze_rows
from app.errors import InvalidRequest
from app.inference.manifest import read_manifest
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.data.pictures import a_drawing, as_bytes


def manifest(folder: Path, *lines: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text("\n".join(("file,age_years,category", *lines)), encoding="utf-8")
    return path


def test_a_bad_row_is_a_line_with_its_error_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(as_bytes(a_drawing()))
    (tmp_path / "bad.png").write_text("not a picture")
    rows = read_manifest(
        manifest(tmp_path, "bad.png,5,", "missing.png,5,", "good.png,five,", "good.png,5.5,house")
    )
    lines = [json.loads(x) for x in analyze_rows(FakeAnalyzer(), rows, tmp_path, tmp_path)]
    assert [("error" in line) for line in lines] == [True, True, True, False]
    assert all(line["error"].endswith(".") for line in lines[:3])
    assert lines[3]["verdict"] == "drawing"
    assert (tmp_path / "3.png").read_bytes().startswith(b"\x89PNG")


def test_a_manifest_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("name,age\nx,5\n")
    with pytest.raises(InvalidRequest, match="file and age_years"):
        read_manifest(path)


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="There is no manifest"):
        read_manifest(tmp_path / "none.csv")
