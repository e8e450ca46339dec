"""What commands write: never over what was not meant, never half, and gone on with."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli.console import Status
from tests.support.data.bundles import BUNDLE, another_bundle
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.people.researchers import Said, sketchnorm
from tests.support.polling import until

HEADER = "file,age_years,category\n"
RESEARCH = Path(__file__).parents[2] / "docs" / "research.md"
ENVIRON = os.environ | {"PYTHONPATH": str(BUNDLE.parent)}
NOTES = "notes that nobody else has\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two drawings and a manifest of them."""
    (tmp_path / "house.png").write_bytes(as_bytes(a_picture()))
    (tmp_path / "fish.png").write_bytes(as_bytes(a_picture("fish")))
    (tmp_path / "m.csv").write_text(HEADER + "house.png,6.5,house\nfish.png,6.5,fish\n")
    return tmp_path


def analyze(folder: Path, *words: str | Path, out: str = "r.ndjson") -> Said:
    return sketchnorm("analyze", "--manifest", folder / "m.csv", "--out", folder / out, *words)


def lines(folder: Path, name: str = "r.ndjson") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("out", ["m.csv", "house.png", "link.csv", "hard.png"])
@pytest.mark.parametrize(
    "choice", [(), ("--force",), ("--resume",)], ids=["plain", "force", "resume"]
)
def test_what_is_read_is_never_written_over(
    folder: Path, out: str, choice: tuple[str, ...]
) -> None:
    (folder / "link.csv").symlink_to("m.csv")
    (folder / "hard.png").hardlink_to(folder / "house.png")
    before = contents(folder)
    said = analyze(folder, *choice, out=out)
    assert (said.status, said.out) == (1, "")
    assert f"{out} is one of the files that are read; name another file" in said.err
    assert contents(folder) == before


def test_a_map_is_not_written_over_its_picture(folder: Path) -> None:
    picture, before = folder / "house.png", contents(folder)
    said = sketchnorm("analyze", picture, "--age", "6", "--map", picture, "--force")
    assert (said.status, said.out) == (1, "")
    assert "one of the files that are read" in said.err
    assert contents(folder) == before


def test_maps_are_not_written_over_pictures_that_are_named_like_them(folder: Path) -> None:
    (folder / "0.png").write_bytes((folder / "house.png").read_bytes())
    (folder / "m.csv").write_text(HEADER + "0.png,6.5,house\n")
    before = contents(folder)
    for choice in ((), ("--force",), ("--resume",)):
        said = analyze(folder, "--maps", folder, *choice)
        assert said.status == 1
        assert "one of the files that are read" in said.err
        assert contents(folder) == before


def test_lines_and_maps_are_not_written_to_one_file(folder: Path) -> None:
    (folder / "maps").mkdir()
    said = analyze(folder, "--maps", folder / "maps", "--force", out="maps/0.png")
    assert said.status == 1
    assert "is the name of a map" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("analyze", "--manifest", "m.csv", "--out", "old.ndjson"),
        ("analyze", "--manifest", "m.csv", "--out", "r.ndjson", "--maps", "maps"),
        ("sitting", "--manifest", "s.csv", "--out", "old.ndjson"),
        ("analyze", "house.png", "--age", "6", "--map", "maps/0.png"),
        ("train", "--data", ".", "--out", "maps"),
        ("evaluate", "--data", ".", "--out", "maps"),
        ("calibrate", "--bundle", BUNDLE, "--manifest", "m.csv", "--name", "a", "--out", "maps"),
    ],
    ids=["results", "maps", "sittings", "map", "bundle", "report", "calibrated"],
)
def test_what_is_there_is_left_unless_it_is_to_be_replaced(
    folder: Path, words: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "s.csv").write_text("file,age_years,sitting\nhouse.png,6.5,a\n")
    (folder / "maps").mkdir()
    for name in ("old.ndjson", "maps/0.png"):
        (folder / name).write_text(NOTES)
    before = contents(folder)
    said = sketchnorm(*words)
    assert (said.status, said.out) == (1, "")
    assert "exists already" in said.err or "is not empty" in said.err
    assert said.err.count("\n") == 1
    assert contents(folder) == before


def test_what_is_to_be_replaced_is_replaced_whole(folder: Path) -> None:
    (folder / "maps").mkdir()
    for name in ("r.ndjson", "maps/0.png"):
        (folder / name).write_text(NOTES)
    said = analyze(folder, "--maps", folder / "maps", "--force")
    assert (said.status, said.err.count("failed")) == (0, 0)
    assert [line["map"] for line in lines(folder)] == ["0.png", "1.png"]
    assert (folder / "maps" / "0.png").read_bytes().startswith(b"\x89PNG")
    names = {"house.png", "fish.png", "m.csv", "r.ndjson", "maps/0.png", "maps/1.png"}
    assert set(contents(folder)) == names


def test_a_link_is_followed_and_stays(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "r.ndjson").symlink_to("elsewhere/real.ndjson")
    assert analyze(folder).status == 0
    assert len(lines(folder, "elsewhere/real.ndjson")) == 2
    assert (folder / "r.ndjson").is_symlink()


@pytest.mark.parametrize(
    ("out", "why"),
    [
        ("none/r.ndjson", "There is no folder"),
        (".", "is a folder; name a file in it"),
        ("m.csv/r.ndjson", "There is no folder"),
        ("x" * 300, "File name too long"),
    ],
    ids=["a missing folder", "a folder", "a file as a folder", "too long"],
)
def test_a_place_where_nothing_can_be_written_is_one_sentence(
    folder: Path, out: str, why: str
) -> None:
    before = {path.name for path in folder.iterdir()}
    said = analyze(folder, out=out)
    assert (said.status, said.out) == (1, "")
    assert why in said.err
    assert "Traceback" not in said.err
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize("place", ["none/map.png", "folder", "/dev/full", "house.png/map.png"])
def test_a_map_that_cannot_be_written_does_not_lose_the_answer(folder: Path, place: str) -> None:
    (folder / "folder").mkdir()
    before = contents(folder)
    said = sketchnorm("analyze", folder / "house.png", "--age", "6", "--json",
                      "--map", folder / place)  # fmt: skip
    assert said.status == 3
    assert json.loads(said.out)["verdict"] == "drawing"
    assert "The map was not kept" in said.err
    assert contents(folder) == before


def test_maps_that_cannot_be_written_do_not_lose_the_lines(folder: Path) -> None:
    maps = folder / "maps"
    (maps / "1.png").mkdir(parents=True)
    said = analyze(folder, "--maps", maps)
    assert said.status == 3
    assert "1 map could not be written" in said.err
    first, second = lines(folder)
    assert (first["map"], second["map"]) == ("0.png", None)
    assert "Is a directory" in second["map_error"]
    (maps / "1.png").rmdir()
    assert analyze(folder, "--maps", maps, "--resume").status == 0
    assert lines(folder)[0] == first
    assert lines(folder)[1]["map"] == "1.png"


def run(folder: Path, *words: str, limit: str = "unlimited") -> "subprocess.Popen[str]":
    """In a process of its own, of which no file grows over ``limit`` KiB."""
    limited = ["bash", "-c", f'ulimit -f {limit}; exec "$@"', "bash"]
    command = [sys.executable, "-m", "app.cli", "analyze", "--manifest", "m.csv", *words]
    return subprocess.Popen(
        ["env", "--default-signal=INT", *limited, *command],  # which may be ignored here
        cwd=folder, env=ENVIRON, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def many(folder: Path, count: int) -> None:
    """A manifest of as many rows."""
    rows = "".join(f"house.png,6.5,{'house' if i % 2 else ''}\n" for i in range(count))
    (folder / "m.csv").write_text(HEADER + rows)


def test_a_full_disk_keeps_the_lines_that_were_written(folder: Path) -> None:
    many(folder, 9)
    process = run(folder, "--out", "r.ndjson", limit="8")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    assert "r.ndjson.unfinished cannot be written (File too large)" in err
    assert "lines are in it: make room, then go on with --resume" in err
    assert "Traceback" not in err
    assert not (folder / "r.ndjson").exists()
    kept = (folder / "r.ndjson.unfinished").read_text().split("\n")[:-1]
    assert len(kept) >= 2
    assert analyze(folder, "--resume").status == 0
    assert (folder / "r.ndjson").read_text().split("\n")[: len(kept)] == kept
    assert len(lines(folder)) == 9


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_is_gone_on_with(folder: Path, end: signal.Signals) -> None:
    many(folder, 400)
    unfinished = folder / "r.ndjson.unfinished"
    process = run(folder, "--out", "r.ndjson")
    until(lambda: unfinished.exists() and unfinished.stat().st_size > 9000)
    process.send_signal(end)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (-end if end is signal.SIGKILL else 130)
    assert ("go on with --resume" in err) == (end is signal.SIGINT)
    assert not (folder / "r.ndjson").exists()
    kept = unfinished.read_text().split("\n")[:-1]
    many(folder, len(kept) + 2)
    refused = analyze(folder)
    assert refused.status == 1
    assert "go on with --resume, or start anew with --force" in refused.err
    unfinished.write_text("\n".join([*kept, kept[0][:50]]))  # as if killed within a line
    assert analyze(folder, "--resume").status == 0
    assert (folder / "r.ndjson").read_text().split("\n")[: len(kept)] == kept
    assert [line["row"] for line in lines(folder)] == list(range(len(kept) + 2))
    assert not unfinished.exists()


def test_only_lines_that_still_hold_are_kept(folder: Path) -> None:
    rows = "house.png,6.5,house\nfish.png,6.5,fish\nnone.png,6.5,\nhouse.png,7,house\n"
    (folder / "m.csv").write_text(HEADER + rows)
    assert analyze(folder).status == 3
    before = lines(folder)
    shutil.copy(folder / "house.png", folder / "none.png")
    shutil.copy(folder / "house.png", folder / "fish.png")
    (folder / "m.csv").write_text(HEADER + rows.replace("house.png,7,", "house.png,8,"))
    assert analyze(folder, "--resume").status == 0
    after = lines(folder)
    assert after[0] == before[0]
    assert all(after[row] != before[row] for row in (1, 2, 3))
    assert after[3]["norm"]["age_band"] == "8"


def test_lines_of_another_bundle_are_answered_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert analyze(folder).status == 0
    monkeypatch.setenv("BUNDLE_PATH", str(another_bundle(folder, "another")))
    assert analyze(folder, "--resume").status == 0
    assert {line["bundle"]["version"] for line in lines(folder)} == {"another"}


def test_a_sitting_is_gone_on_with_like_a_run_of_rows(folder: Path) -> None:
    rows = "file,age_years,sitting\nhouse.png,6.5,anna\nnone.png,6,bert\n"
    (folder / "m.csv").write_text(rows)
    words = ("sitting", "--manifest", folder / "m.csv", "--out", folder / "r.ndjson")
    assert sketchnorm(*words).status == 3
    (anna, _) = lines(folder)
    shutil.copy(folder / "house.png", folder / "none.png")
    assert sketchnorm(*words, "--resume").status == 0
    assert lines(folder)[0] == anna
    assert lines(folder)[1]["drawings"] == 1


def test_a_sitting_with_a_drawing_that_cannot_be_read_has_failed_in_part(folder: Path) -> None:
    (folder / "m.csv").write_text("file,age_years,sitting\nhouse.png,6.5,anna\nnone.png,6.5,anna\n")
    said = sketchnorm("sitting", "--manifest", folder / "m.csv", "--out", folder / "r.ndjson")
    assert said.status == 3
    assert "1 drawing could not be analysed; left_out says why" in said.err
    (left_out,) = lines(folder)[0]["left_out"]
    assert (left_out["file"], left_out["failed"]) == ("none.png", True)


@pytest.mark.parametrize("text", [NOTES, NOTES.strip(), '{"a": 1}\n', '{"row": 0}', "[]\n"])
def test_a_file_of_something_else_is_not_gone_on_with(folder: Path, text: str) -> None:
    (folder / "r.ndjson").write_text(text)
    before = contents(folder)
    said = analyze(folder, "--resume")
    assert said.status == 1
    assert "has other lines than this command writes" in said.err
    assert contents(folder) == before


def test_beginning_anew_and_going_on_exclude_each_other(folder: Path) -> None:
    said = analyze(folder, "--resume", "--force")
    assert said.status == 1
    assert "either --force, to begin anew, or --resume" in said.err


def test_lines_go_into_a_pipe_as_they_come(folder: Path) -> None:
    process = run(folder, "--out", "/dev/stdout")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert [json.loads(line)["row"] for line in out.splitlines()] == [0, 1]


@pytest.mark.parametrize("words", [("--json",), ()])
def test_an_answer_that_cannot_be_printed_is_one_sentence(
    folder: Path, words: tuple[str, ...]
) -> None:
    command = [sys.executable, "-m", "app.cli", "analyze", "house.png", "--age", "6", *words]
    with Path("/dev/full").open("w") as full:
        said = subprocess.run(
            command, cwd=folder, env=ENVIRON, text=True, timeout=120, check=False,
            stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert said.returncode == 1
    assert said.stderr.startswith("sketchnorm: What was printed could not be read or written: No s")
    assert said.stderr.count("\n") == 1


def test_a_device_that_is_full_is_one_sentence(folder: Path) -> None:
    said = analyze(folder, out="/dev/full")
    assert said.status == 1
    assert "/dev/full cannot be written (No space left on device)" in said.err
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize(
    ("rows", "status", "words"),
    [
        ("house.png,6.5,\n", 0, ""),
        ("house.png,6.5,\nnone.png,6,\nfish.png,five,\n", 3, "2 of 3 rows failed"),
        ("none.png,6,\nh\0.png,6,\n", 4, "2 of 2 rows failed"),
    ],
    ids=["none", "some", "all"],
)
def test_failed_rows_are_counted_and_have_a_status_of_their_own(
    folder: Path, rows: str, status: int, words: str
) -> None:
    (folder / "m.csv").write_text(HEADER + rows)
    said = analyze(folder)
    assert said.status == status
    assert words in said.err
    assert "written to" in said.out
    assert sum("error" in line for line in lines(folder)) == (0, 2)[bool(words)]


def test_a_category_is_printed_as_it_is(folder: Path) -> None:
    said = sketchnorm("analyze", folder / "house.png", "--age", "6", "--category", "[/x] :cat:")
    assert (said.status, said.err) == (0, "")


def test_names_of_files_are_printed_as_they_are(folder: Path) -> None:
    (folder / "[red]r[").mkdir()
    said = analyze(folder, out="[red]r[/x] :smile:.ndjson")
    assert said.out == f"2 lines written to {folder}/[red]r[/x] :smile:.ndjson.\n"
    said = analyze(folder, out="[/y]/r")
    assert "There is no folder" in said.err


def test_every_exit_status_is_in_the_documentation() -> None:
    shown = re.findall(r"^\| (\d+) \|", RESEARCH.read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(status) for status in shown} == {0, 2, *Status}
