"""Blobs in a folder: for a developer's machine and for tests."""

import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.errors import ConfigurationError, NotFound, ReadOnly
from app.storage import faults
from app.storage.blobs import GONE, KEY, PREFIXES, check_key, check_prefix
from app.storage.files import remove_abandoned, take_name_if_free, unfinished, write_atomically
from app.storage.stamp import STAMP, check_stamp, stamp_of

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
            write_atomically(path, content)

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        """See ``BlobStore``."""
        path = self._path_to_write(key)
        with _unavailable(), unfinished(path) as stream:
            stream.write(content)
            return take_name_if_free(stream, path)

    def put_new_file(
        self, key: str, file: Path, content_type: str, *, archived: bool = False
    ) -> bool:
        """See ``BlobStore``; a folder has no cheaper place, so ``archived`` changes nothing."""
        path = self._path_to_write(key)
        with _unavailable(), file.open("rb") as source, unfinished(path) as stream:
            shutil.copyfileobj(source, stream)
            return take_name_if_free(stream, path)

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
        path = self._path(key)
        with _unavailable(), suppress(*ABSENT):
            return stat.S_ISREG(path.stat().st_mode)
        return False

    def keys(self, prefix: str) -> tuple[str, ...]:
        """See ``BlobStore``; unfinished files are not blobs yet."""
        folder = self.root / check_prefix(prefix)
        with _unavailable():
            files = [path for path in folder.rglob("*") if path.is_file()]
        found = (path.relative_to(self.root).as_posix() for path in files)
        return tuple(sorted(key for key in found if KEY.fullmatch(key)))

    def check(self) -> None:
        """Raise ``StorageUnavailable`` unless it does now what it is for."""
        if not self._read_only:
            faults.check_disk(self.root, "the store")
            return
        with _unavailable():
            next(self.root.iterdir(), None)

    def remove_abandoned(self) -> int:
        """Remove what killed writers left unfinished; how many files."""
        with _unavailable():
            return 0 if self._read_only else remove_abandoned(self.root)

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _path_to_write(self, key: str) -> Path:
        if self._read_only:
            raise ReadOnly("Nothing can be kept here; the store is read-only.")
        return self._path(key)

    def _check_stamp(self) -> None:
        """Before anything is made, so that a refusal leaves the folder as it was."""
        with suppress(FileNotFoundError):
            content = (self.root / STAMP).read_bytes()
            check_stamp(content, self.environment, f"the folder {self.root}", "DATA_DIR")

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
            write_atomically(stamp, stamp_of(self.environment))

    @contextmanager
    def _configured(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigurationError(
                f"The folder {self.root} cannot be written ({error.strerror}); "
                "make it writable, or use another DATA_DIR."
            ) from error


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
        raise NotFound(GONE) from error
