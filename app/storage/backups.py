"""Backups in the store: kept with a manifest that proves them, and fetched only when it does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from app import __version__
from app.errors import BackupError, NotFound, WrongEnvironment
from app.storage.backup_names import DIGEST_LENGTH, BackupName, Part, of_kind
from app.storage.blobs import BlobStore
from app.storage.snapshots import EARLIER, Contents, Measure, examine, expand

FORMAT = 1
PREFIX = "backups"


@dataclass(frozen=True)
class Manifest:
    """What a backup must turn out to be: its bytes, packed and plain, and what they hold."""

    contents: Contents
    plain: Measure
    packed: Measure
    app_version: str = __version__

    def as_bytes(self, name: BackupName) -> bytes:
        """The JSON that is kept in the store; it names the time, to belong to one backup only."""
        written = {"format": FORMAT, "made_at": name.made_at.isoformat(), **asdict(self)}
        return json.dumps(written, indent=2).encode() + b"\n"

    @classmethod
    def from_bytes(cls, name: BackupName, content: bytes) -> "Manifest":
        """Raise ``BackupError`` unless it is understood and belongs to ``name``."""
        with _understood(name):
            read = json.loads(content)
            if read["format"] != FORMAT or read["made_at"] != name.made_at.isoformat():
                raise ValueError("another format, or another backup's manifest")
            rows = {str(table): int(count) for table, count in read["contents"]["rows"].items()}
            return cls(
                Contents(
                    str(read["contents"]["revision"]),
                    _environment(read),
                    rows,
                    str(read["contents"]["digest"]),
                ),
                _measure(read["plain"]),
                _measure(read["packed"]),
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
    made = of_kind(keys, Part.MANIFEST)
    notes = of_kind(keys, Part.NOTE)
    return tuple(
        Listed(name, _last_note(name, later, notes)) for name, later in zip_longest(made, made[1:])
    )


def newest(blobs: BlobStore, at: datetime | None = None) -> BackupName | None:
    """The newest backup not after ``at``, if there is one."""
    made = of_kind(blobs.keys(PREFIX), Part.MANIFEST)
    return next((name for name in reversed(made) if at is None or name.made_at <= at), None)


def read_manifest(blobs: BlobStore, name: BackupName) -> Manifest:
    """Raise ``BackupError`` where it is missing, damaged or another's."""
    try:
        return Manifest.from_bytes(name, blobs.get(name.key(Part.MANIFEST)))
    except NotFound as error:
        raise BackupError(f"The backup {name} is no longer in the store; {EARLIER}") from error


def keep(blobs: BlobStore, name: BackupName, manifest: Manifest, packed: Path) -> None:
    """The copy first and the manifest last; what lies there already is never replaced.

    Something does where an upload's answer was lost, or where the schedule fired twice.
    """
    archived = not any(
        made < name and made.same_month(name) for made in of_kind(blobs.keys(PREFIX), Part.MANIFEST)
    )
    key = name.key(Part.COPY)
    if not blobs.put_new_file(key, packed, "application/gzip", archived=archived):
        _check_same(blobs, name, manifest, packed.with_suffix(".there"))
    blobs.put_new(name.key(Part.MANIFEST), manifest.as_bytes(name), "application/json")


def note_unchanged(blobs: BlobStore, now: datetime, name: BackupName) -> None:
    """Say that the database was the same at ``now`` as in the backup ``name``."""
    note = json.dumps({"format": FORMAT, "unchanged_since": str(name)}).encode() + b"\n"
    key = BackupName(now, name.digest).key(Part.NOTE)
    blobs.put_new(key, note, "application/json")


def fetch_checked(blobs: BlobStore, name: BackupName, environment: str, folder: Path) -> Path:
    """The database in the backup ``name``, in ``folder``, once everything about it is proven."""
    manifest = read_manifest(blobs, name)
    if manifest.contents.environment != environment:
        raise WrongEnvironment(
            f"The backup {name} was made by the environment {manifest.contents.environment!r} and "
            f"is now restored by {environment!r}; set ENVIRONMENT={manifest.contents.environment}."
        )
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
    if Measure.of(there) != manifest.packed:
        raise BackupError(
            f"Something else lies at {name.key(Part.COPY)} and was not replaced; "
            "make the backup again."
        )


def _fetch(blobs: BlobStore, name: BackupName, file: Path) -> None:
    try:
        blobs.get_file(name.key(Part.COPY), file)
    except NotFound as error:
        raise BackupError(
            f"The backup {name} has a manifest but its copy is missing; {EARLIER}"
        ) from error


def _check_bytes(name: BackupName, file: Path, expected: Measure) -> None:
    if Measure.of(file) != expected:
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


def _measure(read: dict[str, str | int]) -> Measure:
    return Measure(str(read["sha256"]), int(read["size"]))
