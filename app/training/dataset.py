"""A folder of drawings with a metadata file, read and split by child."""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import ConfigurationError

COLUMNS = ("file", "age_years", "category", "session_id")
COPYING_TRIALS = frozenset({"this square", "this shape", "rectangle", "triangle"})
MINIMUM_DRAWINGS = 8
MINIMUM_CHILDREN = 5


@dataclass(frozen=True)
class ReferenceDrawing:
    """One row of a metadata file; ``child`` is unique over all sets.

    ``human_recognition`` is the share of raters who saw what was drawn, where it was asked.
    """

    path: Path
    collection: str
    child: str
    age_years: float | None
    category: str | None
    human_recognition: float | None = None


def read_collection(folder: Path) -> list[ReferenceDrawing]:
    """Read ``folder/metadata.csv``."""
    metadata = folder / "metadata.csv"
    if not metadata.is_file():
        raise ConfigurationError(
            f"{metadata} does not exist; a set of drawings needs one with {', '.join(COLUMNS)}."
        )
    with metadata.open(newline="", encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        missing = set(COLUMNS) - set(rows.fieldnames or ())
        if missing:
            raise ConfigurationError(f"{metadata} lacks the columns {', '.join(sorted(missing))}.")
        return [_drawing(folder, row) for row in rows]


def read_collections(root: Path) -> list[ReferenceDrawing]:
    """Read every set in ``root``: the folder itself, or each folder in it with a metadata file."""
    if (root / "metadata.csv").is_file():
        return read_collection(root)
    folders = sorted(path.parent for path in root.glob("*/metadata.csv"))
    if not folders:
        raise ConfigurationError(f"No metadata.csv in {root} or in a folder of it.")
    return [drawing for folder in folders for drawing in read_collection(folder)]


def with_age(drawings: list[ReferenceDrawing]) -> list[ReferenceDrawing]:
    """Keep what can enter the norms: an age is known, and it is no copying trial."""
    return [d for d in drawings if d.age_years is not None and d.category not in COPYING_TRIALS]


def drawn_categories(drawings: list[ReferenceDrawing]) -> tuple[str, ...]:
    """Return every category that was drawn."""
    return tuple(sorted({d.category for d in drawings if d.category}))


def has_norm(drawings: list[ReferenceDrawing], categories: tuple[str, ...]) -> NDArray[np.bool_]:
    """Tell for each category whether ``drawings`` give it norms of its own.

    That takes enough drawings by enough children: a rarer category is recognised, but drawings of
    it are compared with those of all categories.
    """
    count = Counter(d.category for d in drawings if d.category)
    children = Counter(category for category, _ in {(d.category, d.child) for d in drawings})
    return np.array(
        [count[c] >= MINIMUM_DRAWINGS and children[c] >= MINIMUM_CHILDREN for c in categories]
    )


def folds_by_child(drawings: list[ReferenceDrawing], folds: int, seed: int) -> NDArray[np.int32]:
    """Assign each drawing (n,) to a fold, all of a child to one.

    Sets, ages and categories are spread evenly, by the first drawing of each child.
    """
    first = {d.child: d for d in reversed(drawings)}
    rng = np.random.default_rng(seed)
    shuffled = [list(first)[i] for i in rng.permutation(len(first))]
    ordered = sorted(
        shuffled,
        key=lambda child: (
            first[child].collection,
            int(first[child].age_years or 0),
            first[child].category or "",
        ),
    )
    start = int(rng.integers(folds))
    fold = {child: (place + start) % folds for place, child in enumerate(ordered)}
    return np.array([fold[d.child] for d in drawings], np.int32)


def _drawing(folder: Path, row: dict[str, str]) -> ReferenceDrawing:
    return ReferenceDrawing(
        folder / row["file"],
        folder.name,
        f"{folder.name}/{row['session_id'] or row['file']}",
        float(row["age_years"]) if row["age_years"] else None,
        row["category"].strip().lower() or None,
        float(row["human_recognition"]) if row.get("human_recognition") else None,
    )
