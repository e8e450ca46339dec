"""Copies of reference drawings to fit with: the same drawing otherwise shown, spoilt, or turned."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from app.imaging.paper import INK, Sheet
from app.scoring.norms import FloatArray
from app.training.anomalies import Rng, half_erased, intruded, patch_erased, scribbled, turned
from app.training.examples import augmented

AUGMENTED, UPSIDE_DOWN, SIDEWAYS = "augmented", "upside_down", "sideways"
VARIANTS = (
    *(AUGMENTED,) * 4, "half", "half", "patch", "scribble", "scribble", "intruder", "intruder",
    UPSIDE_DOWN, SIDEWAYS, SIDEWAYS,
)  # fmt: skip
_GENTLE = 0.6  # augmentation that leaves a child's drawing a child's drawing
_LEAST = 25  # px of ink that must remain
_TRIES = 8


def variants(sheet: Sheet, others: list[FloatArray], rng: Rng) -> Iterator[Sheet]:
    """Yield a sheet for each of ``VARIANTS``; ``others`` are the sheets intruders come from."""
    for place, name in enumerate(VARIANTS):
        yield replace(sheet, ink=_made(name, place, sheet.ink, others, rng))


def _made(name: str, place: int, ink: FloatArray, others: list[FloatArray], rng: Rng) -> FloatArray:
    for _ in range(_TRIES):
        made = _variant(name, place, ink, others[int(rng.integers(len(others)))], rng)
        if (made >= INK).sum() >= _LEAST:
            return made
    return ink


def _variant(name: str, place: int, ink: FloatArray, other: FloatArray, rng: Rng) -> FloatArray:
    match name:
        case "half":
            return half_erased(ink, rng).ink
        case "patch":
            return patch_erased(ink, rng).ink
        case "scribble":
            return scribbled(ink, rng).ink
        case "intruder":
            return intruded(ink, other, rng).ink
        case "upside_down":
            return turned(ink, 2).ink
        case "sideways":
            return turned(ink, 1 if place % 2 else 3).ink
    return augmented((ink * 255).astype(np.uint8), rng, _GENTLE)
