"""Files and folders that commands are asked to write: whether they may, and how.

Files are written beside their names and then renamed, with the permissions of any new file of the
user. Devices and pipes (/dev/stdout) hold nothing that could be lost and are written directly.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from app.errors import InvalidRequest, OutputError

# What is opened there anew is written where it is, even if standard output is a file.
STREAMS: Final = (Path("/dev"), Path("/dev/fd"))
ELSEWHERE: Final = "name another place, or make room there"
FileId = tuple[int, int]


def file_ids(files: Iterable[Path]) -> frozenset[FileId]:
    """What tells files apart under all of their names; missing ones are left out."""
    found = (_stat(file) for file in files)
    return frozenset((known.st_dev, known.st_ino) for known in found if known is not None)


def check_output(path: Path, inputs: frozenset[FileId], *, replace: bool) -> None:
    """Raise ``InvalidRequest`` if an input, or without ``replace`` anything, would be destroyed."""
    found = _stat(path)
    if found is None or stat.S_ISDIR(found.st_mode):
        return
    if (found.st_dev, found.st_ino) in inputs:
        raise InvalidRequest(
            f"{path} is one of the files that are read; name another file to write to."
        )
    if stat.S_ISBLK(found.st_mode):
        raise InvalidRequest(f"{path} is a disk; name a file.")
    if not (replace or is_stream(path)):
        raise InvalidRequest(f"{path} exists already; name another file, or replace it by --force.")


def check_place(path: Path) -> None:
    """Raise ``InvalidRequest`` if no file can be there."""
    if path.is_dir():
        raise InvalidRequest(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise InvalidRequest(f"There is no folder {path.parent}; make it, or name another file.")


def check_new_folder(folder: Path, *, replace: bool) -> None:
    """Raise ``InvalidRequest`` if it cannot be made, or without ``replace`` has anything in it."""
    check_folder(folder)
    if not replace and folder.exists() and any(folder.iterdir()):
        raise InvalidRequest(
            f"{folder} is not empty; name a new folder, or replace what is in it by --force."
        )


def check_folder(folder: Path) -> None:
    """Raise ``InvalidRequest`` if it can neither be written to nor made."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InvalidRequest(f"{there} is a file; name a folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InvalidRequest(f"Nothing can be written to {there}; name another folder.")


def is_stream(path: Path) -> bool:
    """True for a terminal, a pipe and the like."""
    found = _stat(path)
    if found is None or stat.S_ISDIR(found.st_mode) or stat.S_ISBLK(found.st_mode):
        return False
    return not stat.S_ISREG(found.st_mode) or path.absolute().parent in STREAMS


def make_folder(folder: Path) -> None:
    """With its parents; raise ``OutputError`` if it cannot be made."""
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_output(path: Path, content: bytes) -> None:
    """A reader sees what was there before or all of ``content``; raise ``OutputError``."""
    with explained(path):
        if is_stream(path):
            path.write_bytes(content)
            return
        with beside(real(path)) as file:
            file.write(content)


def real(path: Path) -> Path:
    """Where a link leads: what it leads to is written and not the link."""
    return Path(os.path.realpath(path))  # Path.resolve raises RuntimeError for links in a circle


@contextmanager
def beside(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the name ``path`` at the end, and is removed if there is an exception."""
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("wb") as file:
            yield file
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def explained(path: Path, *, cure: str = ELSEWHERE) -> Iterator[None]:
    """Raise ``OutputError`` in place of an ``OSError``."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); {cure}.") from error


def _stat(path: Path) -> os.stat_result | None:
    """``None`` if there is no such file, or can be none of that name."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None
