"""Many drawings listed in a CSV -> one JSON line each; a bad one is a line with its error."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.actions.analysis import Analysis, Analyzer
from app.errors import InvalidAge, InvalidRequest, MissingDrawing, Refusal

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
        """Raise ``InvalidAge`` for what is no number."""
        try:
            return float(self.age_years)
        except ValueError as error:
            raise InvalidAge(
                f"“{self.age_years}” is no age in years; write one such as 5.5."
            ) from error

    def content(self, folder: Path) -> bytes:
        """Raise ``MissingDrawing`` where the file cannot be read."""
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


def analyze_rows(
    analyzer: Analyzer, rows: list[Row], folder: Path, maps: Path | None
) -> Iterator[str]:
    """Yield a JSON line for each row; with ``maps``, write ``maps/<row number>.png`` as well."""
    for row in rows:
        about = {"row": row.number, "file": row.file}
        try:
            analysis = analyzer.analyze(row.content(folder), row.age(), row.category)
        except Refusal as refusal:
            yield json.dumps(about | {"error": str(refusal)})
            continue
        yield json.dumps(about | analysis.as_json() | _keep_map(analysis, row, maps))


def _keep_map(analysis: Analysis, row: Row, maps: Path | None) -> dict[str, Any]:
    if maps is None:
        return {}
    if analysis.saliency_map is None:
        return {"map": None}
    name = f"{row.number}.png"
    (maps / name).write_bytes(analysis.saliency_map)
    return {"map": name}
