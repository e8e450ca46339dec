"""Blobs, pictures and other large bytes by key: what every store promises, and one in a folder.

A key is one of six prefixes and a path below it. A store belongs to the environment that made it,
which its stamp says. Stores do not tell what type a blob has: the tables do.
"""

import json
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.errors import ConfigurationError, InvalidRequest, NotFound, ReadOnly, WrongEnvironment
from app.storage import faults
from app.storage.files import remove_abandoned, take_name_if_free, unfinished, write_atomically

PREFIXES = ("drawings", "models", "saliency_maps", "exports", "backups", "demo")
MARKERS = "backups/forgotten"  # what is below it, and why there, says ``storage.markers``
# No name starts with a dot, so neither ".." nor a store's own file can be a key.
NAME = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
KEY = re.compile(f"(?:{'|'.join(PREFIXES)})(?:/{NAME})+")
LONGEST_KEY = 255
AWAY = "The file store cannot be reached now; try again in a moment."
GONE = "What was asked for is not kept here, or no longer is."


@dataclass(frozen=True)
class BlobState:
    """What is known of a blob that was not read: its size in bytes, and a ``version``.

    The version is another one once the blob was replaced, and says nothing beyond that.
    """

    size: int
    version: str


class BlobStore(Protocol):
    """Bytes by key; each method raises ``StorageUnavailable`` when the store does not answer."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep all of ``content`` or nothing; what was there before is replaced."""
        ...

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        """Keep ``content`` unless ``key`` holds something already; whether it was kept."""
        ...

    def put_new_file(
        self, key: str, file: Path, content_type: str, *, archived: bool = False
    ) -> bool:
        """As ``put_new``, from a file of any size; ``archived``: rarely read, so kept cheaply."""
        ...

    def get(self, key: str) -> bytes:
        """Raise ``NotFound`` when there is nothing at ``key``."""
        ...

    def get_file(self, key: str, file: Path) -> None:
        """As ``get``, written to ``file`` without holding all of it in memory."""
        ...

    def delete(self, key: str) -> None:
        """Deleting what is not there is not an error: deletion may be retried."""
        ...

    def exists(self, key: str) -> bool:
        """Whether ``get`` would find something."""
        ...

    def look(self, key: str) -> BlobState:
        """Raise ``NotFound`` when there is nothing at ``key``; the blob itself is not read."""
        ...

    def keys(self, prefix: str) -> tuple[str, ...]:
        """Every key below one of the six prefixes, or below ``MARKERS``, sorted."""
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
    """The prefix itself; raise ``InvalidRequest`` unless it is one of the six or ``MARKERS``."""
    if prefix not in (*PREFIXES, MARKERS):
        raise InvalidRequest(f"There is no prefix {prefix!r}; use {', '.join(PREFIXES)}.")
    return prefix


# No key begins with a dot, so no blob can take this place.
STAMP = ".environment.json"


def stamp_of(environment: str) -> bytes:
    """What is written at ``STAMP``."""
    return json.dumps({"environment": environment}).encode()


def check_stamp(content: bytes, environment: str, place: str, setting: str) -> None:
    """Raise ``WrongEnvironment`` if another one made ``place``, which ``setting`` names.

    A stamp that cannot be understood is not taken for none.
    """
    try:
        stamped = str(json.loads(content)["environment"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"The stamp {STAMP} of {place} is damaged; restore it, or use another {setting}."
        ) from error
    if stamped != environment:
        what = f"{place[0].upper()}{place[1:]}"
        raise WrongEnvironment(what, stamped, environment, "opened", f"use another {setting}")


# How a file system says that a key has no blob; the last two if the key is part of another.
ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class FolderBlobStore:
    """A store in a folder, for a developer's machine and for tests.

    Content types are not kept: a file system has no place for them. A ``read_only`` store may
    belong to any environment, and is left as it is.
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

    def look(self, key: str) -> BlobState:
        """See ``BlobStore``."""
        path = self._path(key)
        with _unavailable(), _found():
            found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise NotFound(GONE)
        return BlobState(found.st_size, f"{found.st_mtime_ns}-{found.st_size}")

    def keys(self, prefix: str) -> tuple[str, ...]:
        """See ``BlobStore``; unfinished files are left out."""
        folder = self.root / check_prefix(prefix)
        with _unavailable():
            files = [path for path in folder.rglob("*") if path.is_file()]
        found = (path.relative_to(self.root).as_posix() for path in files)
        return tuple(sorted(key for key in found if KEY.fullmatch(key)))

    def check(self) -> None:
        """Raise ``StorageUnavailable`` unless it can be read now and, if allowed, written."""
        if not self._read_only:
            faults.check_disk(self.root, "the store")
            return
        with _unavailable():
            next(self.root.iterdir(), None)

    def remove_abandoned(self) -> int:
        """Remove the files that killed writers left unfinished; the number removed."""
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
