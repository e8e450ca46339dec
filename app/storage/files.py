"""Files written whole or not at all, which survive a power cut; folders to work in."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

from app.errors import StorageUnavailable

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
    """A temporary file in the folder of ``path``; its own name is removed at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=UNFINISHED, dir=path.parent, delete=False) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> int:
    """Remove what killed writers left unfinished anywhere below ``folder``; the number removed."""
    before = time.time() - ABANDONED.total_seconds()
    removed = 0
    for path in folder.rglob(f"{UNFINISHED}*"):
        with suppress(FileNotFoundError):  # its writer lives and has just finished it
            if path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed


def take_name(stream: IO[bytes], path: Path) -> None:
    """Rename the unfinished file to ``path``, replacing what was there."""
    _sync(stream)
    Path(stream.name).replace(path)
    sync_folder(path.parent)


def take_name_if_free(stream: IO[bytes], path: Path) -> bool:
    """Link the unfinished file to ``path`` unless that exists; a rename would replace it."""
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


@contextmanager
def working_folder(prefix: str, place: Path | None = None) -> Iterator[Path]:
    """An empty folder in ``place``, or among the temporary files."""
    place = place or Path(tempfile.gettempdir())
    try:
        with tempfile.TemporaryDirectory(prefix=prefix, dir=place) as name:
            yield Path(name)
    except OSError as error:
        raise StorageUnavailable(
            f"The folder {place} cannot be worked in ({error.strerror}); see that it is there, "
            "can be written and has room."
        ) from error
