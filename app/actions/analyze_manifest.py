"""Many drawings listed in a CSV -> one JSON line each; a bad one is a line with its error."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.actions.analyze import Analysis, Analyzer
from app.errors import InvalidAge, InvalidRequest, MissingDrawing, Refusal

COLUMNS = ("file", "age_years")


@dataclass(frozen=True)
class Row:
    """One line of a manifest; ``file`` is relative to the manifest's folder."""

    number: int
    file: str
    age_years: str
    category: str | None


def read_manifest(manifest: Path) -> list[Row]:
    """Read the rows; raise ``InvalidRequest`` if the columns are not there."""
    if not manifest.is_file():
        raise InvalidRequest(f"There is no manifest {manifest}; give the path of a CSV file.")
    with manifest.open(newline="", encoding="utf-8-sig") as lines:
        rows = csv.DictReader(lines)
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise InvalidRequest(
                f"The manifest lacks the column {' and '.join(missing)}; it needs file, age_years "
                "and may have category."
            )
        return [
            Row(number, row["file"] or "", row["age_years"] or "", row.get("category") or None)
            for number, row in enumerate(rows)
        ]


def analyze_rows(
    analyzer: Analyzer, rows: list[Row], folder: Path, maps: Path | None
) -> Iterator[str]:
    """Yield a JSON line for each row; with ``maps``, write ``maps/<row number>.png`` as well."""
    for row in rows:
        about = {"row": row.number, "file": row.file}
        try:
            analysis = _analyze(analyzer, row, folder)
        except Refusal as refusal:
            yield json.dumps(about | {"error": str(refusal)})
            continue
        yield json.dumps(about | analysis.as_json() | _keep_map(analysis, row, maps))


def _analyze(analyzer: Analyzer, row: Row, folder: Path) -> Analysis:
    try:
        age = float(row.age_years)
    except ValueError as error:
        raise InvalidAge(f"“{row.age_years}” is no age in years; write one such as 5.5.") from error
    try:
        content = (folder / row.file).read_bytes()
    except OSError as error:
        raise MissingDrawing(
            f"{row.file or 'The file'} cannot be read: {error.strerror}."
        ) from error
    return analyzer.analyze(content, age, row.category)


def _keep_map(analysis: Analysis, row: Row, maps: Path | None) -> dict[str, Any]:
    if maps is None:
        return {}
    if analysis.saliency_map is None:
        return {"map": None}
    name = f"{row.number}.png"
    (maps / name).write_bytes(analysis.saliency_map)
    return {"map": name}
