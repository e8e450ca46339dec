"""Pictures and other large bytes, by key; a folder here, S3 where production runs.

A key is one of six prefixes and a path below it. Stores do not remember what type a blob has in
a way that can be asked for: the tables do.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from app.errors import (
    ConfigurationError,
    InvalidRequest,
    NotFound,
    StorageUnavailable,
    WrongEnvironment,
)

PREFIXES = ("drawings", "models", "saliency_maps", "exports", "backups", "demo")
STAMP = ".environment.json"
# No name starts with a dot, so neither "..", the stamp nor an unfinished file can be a key.
NAME = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
KEY = re.compile(f"(?:{'|'.join(PREFIXES)})(?:/{NAME})+")
LONGEST_KEY = 255
# How a folder says that no blob has this key; the last two when the key is part of another.
ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class BlobStore(Protocol):
    """Bytes by key; each method raises ``StorageUnavailable`` when the store does not answer."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep all of ``content`` or nothing; what was there before is replaced."""
        ...

    def get(self, key: str) -> bytes:
        """Raise ``NotFound`` when there is nothing at ``key``."""
        ...

    def delete(self, key: str) -> None:
        """Deleting what is not there is not an error: deletion may be retried."""
        ...

    def exists(self, key: str) -> bool:
        """Whether ``get`` would find something."""
        ...

    def keys(self, prefix: str) -> tuple[str, ...]:
        """Every key below one of the six prefixes, sorted."""
        ...


def check_key(key: str) -> str:
    """The key itself; raise ``InvalidRequest`` when it could mean anything outside the store."""
    if len(key) > LONGEST_KEY or not KEY.fullmatch(key):
        raise InvalidRequest(
            f"This key cannot be used; begin it with {'/, '.join(PREFIXES)}/ and use only "
            "letters, digits, dots, hyphens and underscores."
        )
    return key


def check_prefix(prefix: str) -> str:
    """The prefix itself; raise ``InvalidRequest`` unless it is one of the six."""
    if prefix not in PREFIXES:
        raise InvalidRequest(f"There is no prefix {prefix!r}; use {', '.join(PREFIXES)}.")
    return prefix


class FolderBlobStore:
    """A store in a folder, stamped by the environment that made it.

    Content types are not kept: a file system has no place for them.
    """

    def __init__(self, root: Path, environment: str) -> None:
        self.root = root
        self.environment = environment
        with self._configured():
            self._check_stamp()
            self._make_folders()

    def __repr__(self) -> str:
        return f"FolderBlobStore({str(self.root)!r}, {self.environment!r})"

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """See ``BlobStore``; a reader sees the old bytes or the new ones, never a part."""
        path = self._path(key)
        with _unavailable():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_atomically(path, content)

    def get(self, key: str) -> bytes:
        """See ``BlobStore``."""
        path = self._path(key)
        with _unavailable():
            try:
                return path.read_bytes()
            except ABSENT as error:
                raise NotFound("What was asked for is not kept here, or no longer is.") from error

    def delete(self, key: str) -> None:
        """See ``BlobStore``."""
        path = self._path(key)
        with _unavailable(), suppress(*ABSENT):
            path.unlink()

    def exists(self, key: str) -> bool:
        """See ``BlobStore``."""
        return self._path(key).is_file()

    def keys(self, prefix: str) -> tuple[str, ...]:
        """See ``BlobStore``; unfinished files are not blobs yet."""
        folder = self.root / check_prefix(prefix)
        with _unavailable():
            files = [path for path in folder.rglob("*") if path.is_file()]
        found = (path.relative_to(self.root).as_posix() for path in files)
        return tuple(sorted(key for key in found if KEY.fullmatch(key)))

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _check_stamp(self) -> None:
        """Before anything is made, so that a refusal leaves the folder as it was."""
        stamped = _read_stamp(self.root / STAMP)
        if stamped not in (None, self.environment):
            raise WrongEnvironment(
                f"The folder {self.root} was made by the environment {stamped!r} and is now opened "
                f"by {self.environment!r}; set ENVIRONMENT={stamped}, or use another DATA_DIR."
            )

    def _make_folders(self) -> None:
        for prefix in PREFIXES:
            folder = self.root / prefix
            folder.mkdir(parents=True, exist_ok=True)
            # Only writing tells whether writing works: permission bits say nothing of a
            # read-only mount, and nothing at all to root.
            with tempfile.TemporaryFile(dir=folder):
                pass
        stamp = self.root / STAMP
        if not stamp.exists():
            _write_atomically(stamp, json.dumps({"environment": self.environment}).encode())

    @contextmanager
    def _configured(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigurationError(
                f"The folder {self.root} cannot be written ({error.strerror}); "
                "make it writable, or use another DATA_DIR."
            ) from error


def _read_stamp(path: Path) -> str | None:
    """``None`` when there is no stamp; one that cannot be understood is not taken for none."""
    try:
        return str(json.loads(path.read_bytes())["environment"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"The stamp {path} is damaged; restore it, or use another DATA_DIR."
        ) from error


def _write_atomically(path: Path, content: bytes) -> None:
    """Through a file beside it, synced before and after it takes the name."""
    descriptor, name = tempfile.mkstemp(prefix=".unfinished-", dir=path.parent)
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 — Path cannot open a descriptor
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Without it the new name may be lost in a power cut although the bytes are safe."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable("The store cannot be used now; try again in a moment.") from error
