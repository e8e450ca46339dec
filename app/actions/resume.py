"""Go on with an interrupted run: which of its lines still hold.

A line holds if it answers the same pictures, ages and categories by the same bundle. Errors never
hold: what was wrong may have been mended.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeGuard

from app.errors import Refusal
from app.inference.analysis import BundleReference
from app.inference.manifest import Row
from app.reports.results import Line

Earlier = Callable[[int | str], Line | None]


def no_earlier(name: int | str) -> Line | None:
    """For a run that begins anew."""
    return None


def fingerprint(rows: Sequence[Row], folder: Path) -> str:
    """The same for the same files, ages and categories, and only for these."""
    made = hashlib.sha256()
    for row in rows:
        made.update(json.dumps([row.file, row.age_years, row.category]).encode())
        with suppress(Refusal):
            made.update(hashlib.sha256(row.content(folder)).digest())
    return made.hexdigest()


def holds(line: Line | None, about: Line, bundle: BundleReference) -> TypeGuard[Line]:
    """True if ``line`` answers what ``about`` says, by ``bundle``."""
    if line is None or "error" in line:
        return False
    expected = about | {"bundle": {"version": bundle.version, "sha256": bundle.sha256}}
    return all(line.get(name) == value for name, value in expected.items())


def has_map(line: Line, maps: Path | None) -> bool:
    """True if the line's map is there; if the run writes none, true if the line names none."""
    if maps is None or "map" not in line or "map_error" in line:
        return maps is None and "map" not in line
    return line["map"] is None or (maps / line["map"]).is_file()


def map_name(row: Row) -> str:
    """The file of a row's map in the folder of maps."""
    return f"{row.number}.png"


def is_map_name(name: str) -> bool:
    """True for what a row's map may be called."""
    return name.endswith(".png") and name.removesuffix(".png").isdecimal()
