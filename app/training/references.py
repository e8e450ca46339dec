"""The reference drawings: read from folders, split by child, as arrays, and where they are few."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import ConfigurationError, InvalidRequest, Refusal
from app.inference.analysis import check_age
from app.inference.manifest import Row, printable, read_manifest
from app.scoring.conformal import MINIMUM_CHILDREN
from app.scoring.norms import FloatArray
from app.training.examples import AUGMENTED, VARIANTS

COLUMNS = ("file", "age_years", "category", "session_id")
COPYING_TRIALS = frozenset({"this square", "this shape", "rectangle", "triangle"})
MINIMUM_DRAWINGS = 8
CATEGORY_CHILDREN = 5
FEW = 5  # children of one age who drew one category: fewer lean on the neighbours

IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class ReferenceDrawing:
    """One row of a metadata file; ``child`` is unique over all sets.

    ``human_recognition`` is the share of raters who saw what was drawn, if they were asked.
    """

    path: Path
    collection: str
    child: str
    age_years: float | None
    category: str | None
    human_recognition: float | None = None


def read_collection(folder: Path) -> list[ReferenceDrawing]:
    """Read ``folder/metadata.csv``, a table like any manifest.

    Raise ``InvalidRequest`` for one with a row that cannot be read: the others are not the drawings
    that were meant.
    """
    metadata = folder / "metadata.csv"
    if not metadata.is_file():
        raise ConfigurationError(
            f"{metadata} does not exist; a set of drawings needs one with {', '.join(COLUMNS)}."
        )
    drawings, problems = [], []
    for row in read_manifest(metadata, *COLUMNS[2:], called=f"The table {metadata}"):
        try:
            drawings.append(_drawing(folder, row))
        except Refusal as refusal:
            problems.append(
                f"Row {row.number + 1} below the header of {metadata} ({printable(row.file)}): "
                f"{refusal}"
            )
    if problems:
        more = f" {len(problems) - 1} more of its rows cannot be read." if problems[1:] else ""
        raise InvalidRequest(f"{problems[0]}{more}")
    return drawings


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
        [count[c] >= MINIMUM_DRAWINGS and children[c] >= CATEGORY_CHILDREN for c in categories]
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


def _drawing(folder: Path, row: Row) -> ReferenceDrawing:
    """Raise ``Refusal`` for what cannot be read."""
    age = check_age(row.age()) if row.age_years or row.broken else None
    if not row.file:
        raise InvalidRequest("It names no file; give one, or take the row out.")
    return ReferenceDrawing(
        folder / row.file,
        folder.name,
        f"{folder.name}/{row.cells.get('session_id') or row.file}",
        age,
        (row.category or "").lower() or None,
        _share(row.cells.get("human_recognition", "")),
    )


def _share(text: str) -> float | None:
    """Whatever separates the decimals; ``None`` if nobody was asked."""
    if not text:
        return None
    try:
        share = float(text.replace(",", "."))
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise InvalidRequest(
            "Its human_recognition is no share between 0 and 1; give one such as 0.8, or leave "
            "it empty."
        )
    return share


@dataclass(frozen=True, eq=False)
class References:
    """``features`` (n, d), of which the first ``deep`` are deep; the others (n,).

    ``category`` is the place among ``categories`` or −1; ``has_norm`` (c,) tells which of these
    have norms of their own. ``variants`` (n, v, d) are the features of what ``VARIANTS`` names,
    made of each drawing: to fit with, never to calibrate with.
    """

    features: FloatArray
    deep: int
    age_years: FloatArray
    category: IntArray
    child: IntArray
    categories: tuple[str, ...]
    has_norm: BoolArray
    variants: FloatArray

    def some(self, member: BoolArray) -> "References":
        """Return the rows where ``member`` (n,) is true."""
        return References(
            self.features[member], self.deep, self.age_years[member], self.category[member],
            self.child[member], self.categories, self.has_norm, self.variants[member],
        )  # fmt: skip

    def variant(self, name: str) -> FloatArray:
        """Return the features of every variant of that name, (m, n, d), as many as were made."""
        made = [place for place, kind in enumerate(VARIANTS) if kind == name]
        return np.moveaxis(self.variants[:, made], 1, 0)

    @property
    def named(self) -> BoolArray:
        """Which drawings are of a category with norms of its own, (n,)."""
        own = np.append(self.has_norm, False)  # −1 reads the last
        return np.asarray(own[self.category], bool)

    @property
    def shown(self) -> FloatArray:
        """The drawings and their augmented copies, (m, n, d)."""
        return np.concatenate([self.features[None], self.variant(AUGMENTED)])

    @property
    def child_weight(self) -> NDArray[np.float64]:
        """One over the child's number of drawings, (n,)."""
        _, index, count = np.unique(self.child, return_inverse=True, return_counts=True)
        return np.asarray(1 / count[index], np.float64)


def thin_cells(references: References) -> dict[str, Any]:
    """Count the children where they are few: by age, by category, and by both.

    ``ages`` have no p-values at all; ``categories`` are recognised, but have no norms; ``cells``
    (category: ages) have a norm that leans on the other ages and categories.
    """
    years = references.age_years.astype(int)
    return {
        "ages": _few(references, {str(y): years == y for y in np.unique(years)}, MINIMUM_CHILDREN),
        "categories": _few(
            references,
            {c: references.category == i for i, c in enumerate(references.categories)},
            CATEGORY_CHILDREN,
        ),
        "cells": {
            category: thin
            for place, category in enumerate(references.categories)
            if references.has_norm[place]
            and (
                thin := _few(
                    references,
                    {
                        str(y): (references.category == place) & (years == y)
                        for y in np.unique(years)
                    },
                    FEW,
                )
            )
        },
    }


def thin_warnings(thin: dict[str, Any]) -> list[str]:
    """Say in full sentences what is thin, and what merging or collecting would help."""
    warnings = [
        f"Age {year} has {children} children; norms of an age need {MINIMUM_CHILDREN}, so it "
        f"answers no_norm. {_more(MINIMUM_CHILDREN - children)} would help; ages are not merged, "
        "as children change too much within a year."
        for year, children in thin["ages"].items()
    ]
    if rare := thin["categories"]:
        names = ", ".join(rare)
        warnings.append(
            f"Too few children drew {names}; drawings of these are recognised, but compared "
            "without a category. Merging each with a category that looks alike (in the metadata) "
            "would give it norms."
        )
    if cells := thin["cells"]:
        warnings.append(
            f"{sum(len(ages) for ages in cells.values())} cells of age × category have under "
            f"{FEW} children and lean on their neighbours; most of all "
            f"{', '.join(_thinnest(cells))}."
        )
    return warnings


def _few(references: References, cells: dict[str, Any], least: int) -> dict[str, int]:
    children = {name: len(set(references.child[who].tolist())) for name, who in cells.items()}
    return {name: count for name, count in children.items() if count < least}


def _more(count: int) -> str:
    return "One more child" if count == 1 else f"{count} more children"


def _thinnest(cells: dict[str, dict[str, int]]) -> list[str]:
    return sorted(cells, key=lambda category: -len(cells[category]))[:5]
