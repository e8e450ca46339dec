"""Folders to work in, gone in the end."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import StorageUnavailable


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
