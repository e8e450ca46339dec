"""Where references are too few, and what merging would help."""

from typing import Any

import numpy as np

from app.scoring.conformal import MINIMUM_CHILDREN
from app.training.dataset import MINIMUM_CHILDREN as CATEGORY_CHILDREN
from app.training.references import References

FEW = 5  # children of one age who drew one category: fewer lean on the neighbours


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
