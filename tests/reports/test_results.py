"""Lines gathered beside their file: in order, once each, and by one run at a time."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import OutputError
from app.reports.results import Line, Results, open_results

NOTHING_READ: frozenset[tuple[int, int]] = frozenset()


def opened(path: Path, *, force: bool = False, resume: bool = False) -> Results:
    return open_results(path, "row", NOTHING_READ, force=force, resume=resume)


def stored(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_file_appears_at_the_end_in_the_order_of_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    with closing(opened(path)) as results:
        for row in (2, 0, 1):
            results.add(row, {"row": row})
        assert not path.exists()
        results.finish([0, 1, 2])
    assert stored(path) == [{"row": 0}, {"row": 1}, {"row": 2}]
    assert [file.name for file in tmp_path.iterdir()] == ["r.ndjson"]


def test_a_line_written_again_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    with closing(opened(path)) as results:
        for error in ("a", "b"):
            results.add(0, {"row": 0, "error": error})
        assert results.earlier(0) == {"row": 0, "error": "b"}
        results.finish([0])
    assert stored(path) == [{"row": 0, "error": "b"}]


def test_lines_of_rows_that_are_gone_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    path.write_text('{"row": 0}\n{"row": 1}\n')
    with closing(opened(path, resume=True)) as results:
        results.finish([1])
    assert stored(path) == [{"row": 1}]


def test_two_runs_do_not_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    with closing(opened(path)) as results:
        results.add(0, {"row": 0})
        for choice in ({"resume": True}, {"force": True}):
            with pytest.raises(OutputError, match="Another run is writing"):
                opened(path, **choice)
        results.finish([0])
    assert stored(path) == [{"row": 0}]


def test_a_run_that_answered_nothing_leaves_nothing(tmp_path: Path) -> None:
    opened(tmp_path / "r.ndjson").close()
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    path, other = tmp_path / "r.ndjson", tmp_path / "other"
    other.touch()
    with closing(opened(path)) as results:
        results.add(0, {"row": 0})
        results.finish([0])
    assert path.stat().st_mode == other.stat().st_mode


@given(cut=st.integers(0, 200), count=st.integers(0, 5))
def test_killed_at_any_byte_a_run_keeps_its_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, cut: int, count: int
) -> None:
    path = tmp_path_factory.mktemp("killed") / "r.ndjson"
    written = [json.dumps({"row": row, "word": "ä\n" * row}) + "\n" for row in range(count)]
    path.with_name("r.ndjson.unfinished").write_text("".join(written)[:cut])
    with closing(opened(path, resume=True)) as results:
        kept = [row for row in range(5) if results.earlier(row) is not None]
        whole = sum(len("".join(written[: row + 1])) <= cut for row in range(count))
        assert kept == list(range(whole))
        for row in range(5):
            results.add(row, {"row": row})
        results.finish(range(5))
    assert stored(path) == [{"row": row} for row in range(5)]
