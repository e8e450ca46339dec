"""Backups in the store: named by their time, kept with a manifest that proves them, and expired.

``backups/YYYY/MM/DD/HHMMSS.ffffffZ-<digest>`` and, after a dot, what it is: the copy itself, its
manifest, or a note that the database was found unchanged. The manifest is written last and
deleted first: without one there is no backup. The time is the end of the copy, so that a backup
never holds what was written after the time in its name.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import Self

from app import __version__
from app.backups.snapshots import EARLIER, Contents, FileDigest, examine, expand
from app.errors import BackupError, NotFound, WrongEnvironment
from app.storage.blobs.store import BlobStore

MANIFEST_FORMAT = 1
PREFIX = "backups"
RECENT = timedelta(days=35)
ARCHIVED_MONTHS = 13
ARCHIVED = timedelta(days=397)  # so many months, however long they are
# An upload that takes longer was given up.
UNFINISHED = timedelta(days=1)
DIGEST_LENGTH = 12
TIME_FORMAT = "backups/%Y/%m/%d/%H%M%S.%fZ"
KEY = re.compile(
    r"(?P<time>backups/\d{4}/\d\d/\d\d/\d{6}\.\d{6}Z)-(?P<digest>[0-9a-f]{12})\.(?P<blob>.+)"
)


class BackupBlob(StrEnum):
    """The kinds of blobs that belong to a backup."""

    COPY = "sqlite3.gz"
    MANIFEST = "json"
    NOTE = "unchanged.json"


@dataclass(frozen=True, order=True)
class BackupName:
    """When the copy was made, and the beginning of the digest of what it holds."""

    made_at: datetime
    digest: str

    def __str__(self) -> str:
        return f"{self.made_at:{TIME_FORMAT}}-{self.digest}"

    def key(self, blob: BackupBlob) -> str:
        """The key of that blob."""
        return f"{self}.{blob}"

    def same_month(self, other: Self) -> bool:
        """Whether both were made in one month of UTC."""
        return _month(self) == _month(other)


def parse(key: str) -> tuple[BackupName, BackupBlob] | None:
    """Read a key; ``None`` if it is not one of a backup."""
    found = KEY.fullmatch(key)
    if found is None or found["blob"] not in set(BackupBlob):
        return None
    try:
        made_at = datetime.strptime(found["time"], TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return BackupName(made_at, found["digest"]), BackupBlob(found["blob"])


def of_kind(keys: Iterable[str], kind: BackupBlob) -> tuple[BackupName, ...]:
    """The names that have such a blob, oldest first; those with a manifest are the backups."""
    parsed = filter(None, map(parse, keys))
    return tuple(sorted(name for name, blob in parsed if blob == kind))


def expired(keys: Iterable[str], now: datetime) -> tuple[str, ...]:
    """The keys to delete, in an order in which the deleting process may be killed after each.

    Kept are the backups of 35 days, the newest one before them (an unchanged database is not
    copied again, and every moment of the 35 days shall be restorable) and, for 13 months, the
    first of each month. So the newest backup of all is never among the expired.
    """
    keys = tuple(keys)
    made = of_kind(keys, BackupBlob.MANIFEST)
    kept = _kept(made, now)
    copies = of_kind(keys, BackupBlob.COPY)
    unfinished = {name for name in copies if name not in made and name.made_at < now - UNFINISHED}
    gone = [name for name in made if name not in kept]
    return (
        *(name.key(BackupBlob.MANIFEST) for name in gone),
        *(name.key(BackupBlob.COPY) for name in copies if name in unfinished or name in gone),
        *(
            name.key(BackupBlob.NOTE)
            for name in of_kind(keys, BackupBlob.NOTE)
            if name.made_at < now - RECENT
        ),
    )


def _kept(made: tuple[BackupName, ...], now: datetime) -> set[BackupName]:
    older = [name for name in made if name.made_at < now - RECENT]
    recent = [name for name in made if name.made_at >= now - RECENT]
    return {*recent, *older[-1:], *_first_of_months(made, now)}


def _first_of_months(made: tuple[BackupName, ...], now: datetime) -> set[BackupName]:
    first = {_month(name): name for name in reversed(made)}
    return {name for name in first.values() if name.made_at >= now - ARCHIVED}


def _month(name: BackupName) -> tuple[int, int]:
    return name.made_at.year, name.made_at.month


@dataclass(frozen=True)
class Manifest:
    """What a backup must turn out to be: its bytes, packed and plain, and what they hold."""

    contents: Contents
    plain: FileDigest
    packed: FileDigest
    app_version: str = __version__

    def as_bytes(self, name: BackupName) -> bytes:
        """The JSON that is kept in the store; it names the time, to belong to one backup only."""
        written = {"format": MANIFEST_FORMAT, "made_at": name.made_at.isoformat(), **asdict(self)}
        return json.dumps(written, indent=2).encode() + b"\n"

    @classmethod
    def from_bytes(cls, name: BackupName, content: bytes) -> "Manifest":
        """Raise ``BackupError`` unless it is understood and belongs to ``name``."""
        with _understood(name):
            read = json.loads(content)
            if read["format"] != MANIFEST_FORMAT or read["made_at"] != name.made_at.isoformat():
                raise ValueError("another format, or another backup's manifest")
            rows = {str(table): int(count) for table, count in read["contents"]["rows"].items()}
            return cls(
                Contents(
                    str(read["contents"]["revision"]),
                    _environment(read),
                    rows,
                    str(read["contents"]["digest"]),
                ),
                _file_digest(read["plain"]),
                _file_digest(read["packed"]),
                str(read["app_version"]),
            )


@dataclass(frozen=True)
class Listed:
    """A backup, and when the database was last found to be still the same, if ever."""

    name: BackupName
    unchanged_at: datetime | None


def name_of(made_at: datetime, contents: Contents) -> BackupName:
    """The name of a copy that holds this."""
    return BackupName(made_at, contents.digest[:DIGEST_LENGTH])


def list_backups(blobs: BlobStore) -> tuple[Listed, ...]:
    """Every backup by its name, oldest first; nothing is opened."""
    keys = blobs.keys(PREFIX)
    made = of_kind(keys, BackupBlob.MANIFEST)
    notes = of_kind(keys, BackupBlob.NOTE)
    return tuple(
        Listed(name, _last_note(name, later, notes)) for name, later in zip_longest(made, made[1:])
    )


def proven_at(blobs: BlobStore) -> datetime | None:
    """When the database was last known to be in a backup as it is; ``None`` if there is none."""
    return max((one.unchanged_at or one.name.made_at for one in list_backups(blobs)), default=None)


def made_backups(blobs: BlobStore) -> tuple[BackupName, ...]:
    """The names of all backups, oldest first."""
    return of_kind(blobs.keys(PREFIX), BackupBlob.MANIFEST)


def newest(made: Sequence[BackupName], at: datetime | None = None) -> BackupName | None:
    """The newest of the backups, oldest first, that is not after ``at``; ``None`` for none."""
    return next((name for name in reversed(made) if at is None or name.made_at <= at), None)


def oldest(keys: Sequence[str]) -> datetime | None:
    """When the oldest backup was made, finished or not; ``None`` if there is none."""
    kinds = (BackupBlob.COPY, BackupBlob.MANIFEST)
    return min((name.made_at for kind in kinds for name in of_kind(keys, kind)), default=None)


def read_manifest(blobs: BlobStore, name: BackupName) -> Manifest:
    """Raise ``BackupError`` if it is missing, damaged or another's."""
    try:
        return Manifest.from_bytes(name, blobs.get(name.key(BackupBlob.MANIFEST)))
    except NotFound as error:
        raise BackupError(f"The backup {name} is no longer in the store; {EARLIER}") from error


def keep(
    blobs: BlobStore,
    name: BackupName,
    manifest: Manifest,
    packed: Path,
    made: Sequence[BackupName],
) -> None:
    """Store the copy first and the manifest last; what lies there already is never replaced.

    Something does if an upload's answer was lost, or if the schedule fired twice. The first of a
    month among those ``made`` before is archived: it will rarely be read.
    """
    archived = not any(one < name and one.same_month(name) for one in made)
    key = name.key(BackupBlob.COPY)
    if not blobs.put_new_file(key, packed, "application/gzip", archived=archived):
        _check_same(blobs, name, manifest, packed.with_suffix(".there"))
    blobs.put_new(name.key(BackupBlob.MANIFEST), manifest.as_bytes(name), "application/json")


def note_unchanged(blobs: BlobStore, now: datetime, name: BackupName) -> None:
    """Say that the database was the same at ``now`` as in the backup ``name``."""
    note = json.dumps({"format": MANIFEST_FORMAT, "unchanged_since": str(name)}).encode() + b"\n"
    key = BackupName(now, name.digest).key(BackupBlob.NOTE)
    blobs.put_new(key, note, "application/json")


def fetch_checked(blobs: BlobStore, name: BackupName, environment: str, folder: Path) -> Path:
    """The database in the backup ``name``, in ``folder``, once everything about it is proven."""
    manifest = read_manifest(blobs, name)
    if manifest.contents.environment != environment:
        made_by = manifest.contents.environment
        raise WrongEnvironment(f"The backup {name}", made_by, environment, "restored")
    packed, file = folder / "packed.gz", folder / "backup.sqlite3"
    _fetch(blobs, name, packed)
    _check_bytes(name, packed, manifest.packed)
    expand(packed, file, manifest.plain.size)
    packed.unlink()
    _check_bytes(name, file, manifest.plain)
    _check_contents(name, file, manifest.contents)
    return file


def _last_note(
    name: BackupName, later: BackupName | None, notes: tuple[BackupName, ...]
) -> datetime | None:
    about = [
        note.made_at
        for note in notes
        if note.digest == name.digest and name < note and (later is None or note < later)
    ]
    return max(about, default=None)


def _check_same(blobs: BlobStore, name: BackupName, manifest: Manifest, there: Path) -> None:
    _fetch(blobs, name, there)
    if FileDigest.of(there) != manifest.packed:
        raise BackupError(
            f"Something else lies at {name.key(BackupBlob.COPY)} and was not replaced; "
            "make the backup again."
        )


def _fetch(blobs: BlobStore, name: BackupName, file: Path) -> None:
    try:
        blobs.get_file(name.key(BackupBlob.COPY), file)
    except NotFound as error:
        raise BackupError(
            f"The backup {name} has a manifest but its copy is missing; {EARLIER}"
        ) from error


def _check_bytes(name: BackupName, file: Path, expected: FileDigest) -> None:
    if FileDigest.of(file) != expected:
        raise BackupError(f"The backup {name} is not what its manifest says; {EARLIER}")


def _check_contents(name: BackupName, file: Path, expected: Contents) -> None:
    if examine(file) != expected:
        raise BackupError(f"The backup {name} holds other rows than its manifest says; {EARLIER}")


@contextmanager
def _understood(name: BackupName) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(
            f"The manifest of the backup {name} is damaged, another's, or of a newer release; "
            f"{EARLIER}"
        ) from error


def _environment(read: dict[str, dict[str, str]]) -> str:
    return str(read["contents"]["environment"])


def _file_digest(read: dict[str, str | int]) -> FileDigest:
    return FileDigest(str(read["sha256"]), int(read["size"]))
