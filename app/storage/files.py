"""Files that are whole, and still there after a power cut, or were never there."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

UNFINISHED: Final = ".unfinished-"
# No writer takes longer.
ABANDONED: Final = timedelta(days=1)


def write_atomically(path: Path, content: bytes) -> None:
    """A reader sees the old bytes or the new ones, never a part."""
    with unfinished(path) as stream:
        stream.write(content)
        take_name(stream, path)


@contextmanager
def unfinished(path: Path) -> Iterator[IO[bytes]]:
    """A file beside the one that it is to become; its own name is gone in the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=UNFINISHED, dir=path.parent, delete=False) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> int:
    """Remove what killed writers left unfinished anywhere below ``folder``; how many it were."""
    before = time.time() - ABANDONED.total_seconds()
    removed = 0
    for path in folder.rglob(f"{UNFINISHED}*"):
        with suppress(FileNotFoundError):  # its writer lives and has just finished it
            if path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed


def take_name(stream: IO[bytes], path: Path) -> None:
    """Let the unfinished file be ``path``, in place of what was there."""
    _sync(stream)
    Path(stream.name).replace(path)
    sync_folder(path.parent)


def take_name_if_free(stream: IO[bytes], path: Path) -> bool:
    """A second name for the file, which, unlike renaming, never replaces another."""
    _sync(stream)
    try:
        path.hardlink_to(stream.name)
    except FileExistsError:
        return False
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Without it a new name may be lost in a power cut, and a removed one may come back."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())
