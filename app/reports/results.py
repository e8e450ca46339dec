"""The lines of a run: gathered beside the file that they are for, and put in its place at the end.

A line is a JSON object named by one of its members (``row``, ``sitting``). A line written again
replaces the one before. What a killed run had gathered stays beside, and a later run can go on.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Protocol, Self

from app.errors import InvalidRequest, OutputError
from app.reports.outputs import (
    FileId,
    beside,
    check_output,
    check_place,
    explained,
    is_stream,
    real,
)

Line = dict[str, Any]
UNFINISHED: Final = ".unfinished"
GO_ON: Final = "make room, then go on with --resume"


class Results(Protocol):
    """Where the lines of a run go."""

    @property
    def unfinished(self) -> Path | None:
        """The file to go on with if the run is interrupted."""
        ...

    def earlier(self, name: int | str) -> Line | None:
        """The line of an earlier run, or ``None``."""
        ...

    def add(self, name: int | str, line: Line) -> None:
        """Keep the line, even if the process is killed; raise ``OutputError`` if it cannot."""
        ...

    def finish(self, names: Iterable[int | str]) -> None:
        """Put the lines of these names, in this order, in the place of the file."""
        ...

    def close(self) -> None: ...


def open_results(
    path: Path, member: str, inputs: frozenset[FileId], *, force: bool, resume: bool
) -> Results:
    """The lines are named by ``member``; ``resume`` goes on with those that are there.

    Raise ``InvalidRequest`` if anything would be overwritten that is not to be.
    """
    check_place(path)
    check_output(path, inputs, replace=force or resume)
    if is_stream(path):
        return Stream(path)
    file = real(path)
    unfinished = file.with_name(file.name + UNFINISHED)
    check_output(unfinished, inputs, replace=True)
    if unfinished.exists() and not (force or resume):
        raise InvalidRequest(
            f"{unfinished} has what an interrupted run answered; go on with --resume, or start "
            "anew with --force."
        )
    return GatheredLines.open(file, unfinished, member, resume=resume)


class Stream:
    """A pipe or terminal, which takes lines and forgets them."""

    unfinished: None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        with explained(path):
            self._file = path.open("w", encoding="utf-8", buffering=1)

    def earlier(self, name: int | str) -> Line | None:
        """See ``Results``."""
        return None

    def add(self, name: int | str, line: Line) -> None:
        """See ``Results``."""
        with explained(self._path):
            self._file.write(json.dumps(line) + "\n")

    def finish(self, names: Iterable[int | str]) -> None:
        """See ``Results``."""

    def close(self) -> None:
        """See ``Results``."""
        with explained(self._path):
            self._file.close()


class GatheredLines:
    """The unfinished file, locked, and where in it each line is."""

    def __init__(self, path: Path, unfinished: Path, descriptor: int) -> None:
        self.path = path
        self.unfinished = unfinished
        self._descriptor = descriptor
        self._places: dict[int | str, tuple[int, int]] = {}  # offset and length
        self._end = 0

    @classmethod
    def open(cls, path: Path, unfinished: Path, member: str, *, resume: bool) -> Self:
        """With ``resume`` those of a finished file are taken over if none are unfinished."""
        taken_over = resume and path.exists() and not unfinished.exists()
        with explained(unfinished):
            if taken_over:
                shutil.copyfile(path, unfinished)
            descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT, 0o666)
        _lock(descriptor, unfinished)
        lines = cls(path, unfinished, descriptor)
        try:
            if resume:
                lines._read(member, killed=not taken_over)
        except ValueError as error:
            os.close(descriptor)
            if taken_over:
                unfinished.unlink()
            raise InvalidRequest(
                f"{path if taken_over else unfinished} has other lines than this command writes, "
                "so it cannot go on with them; name another file."
            ) from error
        os.ftruncate(descriptor, lines._end)
        return lines

    def earlier(self, name: int | str) -> Line | None:
        """See ``Results``."""
        text = self._text(name)
        return None if text is None else dict(json.loads(text))

    def add(self, name: int | str, line: Line) -> None:
        """See ``Results``."""
        text = json.dumps(line).encode() + b"\n"
        if text == self._text(name):
            return
        with explained(self.unfinished, cure=f"{len(self._places)} lines are in it: {GO_ON}"):
            _write_all(self._descriptor, text, self._end)
        self._places[name] = (self._end, len(text))
        self._end += len(text)

    def finish(self, names: Iterable[int | str]) -> None:
        """See ``Results``; the unfinished file is removed."""
        with explained(self.path, cure=f"all lines are in {self.unfinished}: {GO_ON}"):
            with beside(self.path) as file:
                file.writelines(text for name in names if (text := self._text(name)) is not None)
                file.flush()
                os.fsync(file.fileno())
            self.unfinished.unlink()

    def close(self) -> None:
        """Unlock the unfinished file, and leave it if there is a line in it."""
        if not self._places:
            self.unfinished.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _read(self, member: str, *, killed: bool) -> None:
        """Find the lines; raise ``ValueError`` for others. ``killed``: the last may be half."""
        with self.unfinished.open("rb") as file:
            for text in file:
                if text.endswith(b"\n"):
                    self._places[_name(text, member)] = (self._end, len(text))
                    self._end += len(text)
                elif not killed:
                    raise ValueError("no end")

    def _text(self, name: int | str) -> bytes | None:
        if name not in self._places:
            return None
        offset, length = self._places[name]
        return os.pread(self._descriptor, length, offset)


def _name(text: bytes, member: str) -> int | str:
    """Raise ``ValueError`` for a line of something else."""
    line = json.loads(text)
    match line.get(member) if isinstance(line, dict) else None:
        case int() | str() as name:
            return name
    raise ValueError(f"no {member}")


def _lock(descriptor: int, unfinished: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise OutputError(
            f"Another run is writing to {unfinished}; wait for its end, or name another file."
        ) from error


def _write_all(descriptor: int, text: bytes, offset: int) -> None:
    while text:
        written = os.pwrite(descriptor, text, offset)
        text, offset = text[written:], offset + written
