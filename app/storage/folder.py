"""Blobs in a folder: for a developer's machine and for tests."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from app.errors import ConfigurationError, NotFound, ReadOnly, WrongEnvironment
from app.storage import faults
from app.storage.blobs import KEY, PREFIXES, check_key, check_prefix

STAMP = ".environment.json"
# How a folder says that no blob has this key; the last two when the key is part of another.
ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class FolderBlobStore:
    """A store in a folder, stamped by the environment that made it.

    Content types are not kept: a file system has no place for them. One that is ``read_only`` may
    be anybody's, and is left as it is.
    """

    def __init__(self, root: Path, environment: str, *, read_only: bool = False) -> None:
        self.root = root
        self.environment = environment
        self._read_only = read_only
        if read_only:
            return
        with self._configured():
            self._check_stamp()
            self._make_folders()

    def __repr__(self) -> str:
        return f"FolderBlobStore({str(self.root)!r}, {self.environment!r})"

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """See ``BlobStore``; a reader sees the old bytes or the new ones, never a part."""
        path = self._path_to_write(key)
        with _unavailable():
            _write_atomically(path, content)

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        """See ``BlobStore``."""
        path = self._path_to_write(key)
        with _unavailable(), _unfinished(path) as stream:
            stream.write(content)
            return _name_if_free(stream, path)

    def put_new_file(
        self, key: str, file: Path, content_type: str, *, archived: bool = False
    ) -> bool:
        """See ``BlobStore``; a folder has no cheaper place, so ``archived`` changes nothing."""
        path = self._path_to_write(key)
        with _unavailable(), file.open("rb") as source, _unfinished(path) as stream:
            shutil.copyfileobj(source, stream)
            return _name_if_free(stream, path)

    def get(self, key: str) -> bytes:
        """See ``BlobStore``."""
        with _unavailable(), _found():
            return self._path(key).read_bytes()

    def get_file(self, key: str, file: Path) -> None:
        """See ``BlobStore``."""
        with _unavailable(), _found():
            shutil.copyfile(self._path(key), file)

    def delete(self, key: str) -> None:
        """See ``BlobStore``."""
        path = self._path_to_write(key)
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

    def check(self) -> None:
        """Raise ``StorageUnavailable`` unless a drawing could be kept now."""
        faults.check_disk(self.root, "the store")

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _path_to_write(self, key: str) -> Path:
        if self._read_only:
            raise ReadOnly("Nothing can be kept here; the store is read-only.")
        return self._path(key)

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
    with _unfinished(path) as stream:
        stream.write(content)
        _sync(stream)
        Path(stream.name).replace(path)
    _sync_folder(path.parent)


@contextmanager
def _unfinished(path: Path) -> Iterator[IO[bytes]]:
    """A file beside the one that it is to become; its own name is gone in the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".unfinished-", dir=path.parent, delete=False) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


def _name_if_free(stream: IO[bytes], path: Path) -> bool:
    """A second name for the file, which, unlike renaming, never replaces another."""
    _sync(stream)
    try:
        path.hardlink_to(stream.name)
    except FileExistsError:
        return False
    _sync_folder(path.parent)
    return True


def _sync(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


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
        raise faults.of_disk(error, "the store") from error


@contextmanager
def _found() -> Iterator[None]:
    try:
        yield
    except ABSENT as error:
        raise NotFound("What was asked for is not kept here, or no longer is.") from error
