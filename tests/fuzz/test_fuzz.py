"""What fuzzing starts from is answered or refused, and an escape would be noticed."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from app.imaging import intake
from tests.fuzz import pictures
from tests.fuzz.__main__ import TARGETS, main

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's remarks on odd files


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_fuzzing_starts_from_is_answered_or_refused(tmp_path: Path, name: str) -> None:
    target = import_module(f"tests.fuzz.{name}")
    with target.opened(tmp_path) as take:
        for content in target.seeds():
            take(content)


def test_any_exception_but_a_refusal_is_an_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "read", lambda content: content[len(content)])
    with pictures.opened(tmp_path) as take, pytest.raises(IndexError):
        take(b"any")


def test_a_file_that_escaped_is_given_again_to_the_target_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tmp_path / "pictures-crash-0"
    found.write_bytes(b"any")
    assert main(["--again", str(found)]) == 0
    monkeypatch.setattr(intake, "read", lambda content: content[len(content)])
    with pytest.raises(IndexError):
        main(["--again", str(found)])


def test_a_machine_without_atheris_is_told_that_nothing_was_fuzzed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert main([]) == 0
    assert "skipped" in capsys.readouterr().out
