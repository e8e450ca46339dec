"""Hostile pictures of every accepted format: refused in words or read, and nothing breaks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import StoredCount
from tests.support.data.hostile import FORMATS, HostilePicture, hostile_pictures
from tests.support.people.visitors import Visitor

SKETCHNORM = Path(sys.executable).with_name("sketchnorm")
REFUSED = (413, 415)
MANY = 30  # rounds that make 300 files of each format
ROUNDS = pytest.mark.parametrize("rounds", [1, pytest.param(MANY, marks=pytest.mark.endurance)])
EACH_FORMAT = pytest.mark.parametrize("kind", FORMATS)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's remarks on odd files


@EACH_FORMAT
def test_every_format_has_its_share_of_them(kind: str) -> None:
    files = list(hostile_pictures(kind, MANY))
    assert len({file.content for file in files}) >= 300
    assert files == list(hostile_pictures(kind, MANY))


@EACH_FORMAT
@ROUNDS
def test_over_http_each_is_answered_or_refused_and_none_that_is_refused_is_kept(
    visitor: Visitor, stored: StoredCount, kind: str, rounds: int
) -> None:
    kept = 0
    for file in hostile_pictures(kind, rounds):
        kept += answered(visitor, file)
    assert stored()[0] == kept


def answered(visitor: Visitor, file: HostilePicture) -> bool:
    """Whether it was read; refused in one sentence if not."""
    answer = visitor.submits(file.content, age_years="6")
    if answer.status_code in REFUSED:
        assert answer.json()["detail"].endswith("."), file
        return False
    assert answer.status_code == 201, file
    return True


@ROUNDS
def test_in_a_manifest_each_is_a_line_and_the_run_ends_well(tmp_path: Path, rounds: int) -> None:
    files = [file for kind in FORMATS for file in hostile_pictures(kind, rounds)]
    said, lines = analyzed(tmp_path, files)
    assert "Traceback" not in said
    assert [line["row"] for line in lines] == list(range(len(files)))
    assert all(("error" in line) != ("verdict" in line) for line in lines)


def analyzed(folder: Path, files: list[HostilePicture]) -> tuple[str, list[dict[str, object]]]:
    """What the command says, and the lines that it writes."""
    for number, file in enumerate(files):
        (folder / f"{number}.bin").write_bytes(file.content)
    rows = [f"{number}.bin,6" for number in range(len(files))]
    manifest, result = folder / "m.csv", folder / "r.ndjson"
    manifest.write_text("\n".join(("file,age_years", *rows)))
    said = subprocess.run(
        [SKETCHNORM, "analyze", "--manifest", manifest, "--out", result],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout + said.stderr, [json.loads(x) for x in result.read_text().splitlines()]
