"""Many drawings listed in a CSV, as researchers hand them in."""

import csv
from dataclasses import dataclass
from pathlib import Path

from app.errors import InvalidRequest, MissingDrawing
from app.inference.age import read_age

COLUMNS = ("file", "age_years")


@dataclass(frozen=True)
class Row:
    """One line of a manifest; ``file`` is relative to the manifest's folder.

    ``child`` and ``sitting`` are any names that tell one from another.
    """

    number: int
    file: str
    age_years: str
    category: str | None
    child: str | None = None
    sitting: str | None = None

    def age(self) -> float:
        """Raise ``InvalidAge`` unless it is an age; the analyzer knows its bounds."""
        return read_age(self.age_years)

    def content(self, folder: Path) -> bytes:
        """Raise ``MissingDrawing`` if the file cannot be read."""
        try:
            return (folder / self.file).read_bytes()
        except OSError as error:
            raise MissingDrawing(
                f"{self.file or 'The file'} cannot be read: {error.strerror}."
            ) from error


@dataclass(frozen=True)
class LeftOut:
    """A drawing that took no part in something, and why."""

    file: str
    why: str


def read_manifest(manifest: Path, *also: str) -> list[Row]:
    """Read the rows; raise ``InvalidRequest`` if the columns, ``also`` too, are not there."""
    if not manifest.is_file():
        raise InvalidRequest(f"There is no manifest {manifest}; give the path of a CSV file.")
    with manifest.open(newline="", encoding="utf-8-sig") as lines:
        rows = csv.DictReader(lines)
        missing = [name for name in (*COLUMNS, *also) if name not in (rows.fieldnames or ())]
        if missing:
            raise InvalidRequest(
                f"The manifest lacks the column {' and '.join(missing)}; it needs "
                f"{', '.join((*COLUMNS, *also))} and may have category."
            )
        return [
            Row(
                number,
                row["file"] or "",
                row["age_years"] or "",
                row.get("category") or None,
                row.get("child") or row.get("session_id") or None,
                row.get("sitting") or None,
            )
            for number, row in enumerate(rows)
        ]
