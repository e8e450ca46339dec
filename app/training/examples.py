"""Examples to learn from: drawings leaning, stretched, thicker, turned, and spoilt in known ways.

Into those of the trunk go nothing but drawings without ages (Quick, Draw!), so no child of the
norms can leak. ``variants`` are those of the reference drawings, for the norms to be fitted with.
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from app.imaging.marks import CROP_SIDE
from app.imaging.paper import INK, Sheet
from app.inference.features import INKED_CELL, READ_SIDE, Redraw, Square, cut, ink_square, redrawing
from app.scoring.norms import FloatArray
from app.training.anomalies import (
    Rng,
    Spoilt,
    half_erased,
    intruded,
    patch_erased,
    scribbled,
    turned,
)
from app.training.recipe import TrunkRecipe

KINDS = ("whole", "half", "patch", "scribble", "intruder")
_SHARES = (0.5, 0.14, 0.05, 0.11, 0.2)
_FELT_TIP = (ImageFilter.MaxFilter(5),)
_THICK = (ImageFilter.MaxFilter(7),)
_SOFT = (ImageFilter.MaxFilter(3), ImageFilter.GaussianBlur(1.4))
_OTHER_PENS = (_FELT_TIP, _THICK, _SOFT)
_PENS = (*_OTHER_PENS, (), (ImageFilter.MaxFilter(3),), (ImageFilter.GaussianBlur(1),))
_PEN_SHARES = (0.13, 0.07, 0.15, 0.35, 0.18, 0.12)
_TURNED = 0.4  # of the whole ones
MAP_SIDE = 16  # cells of the map of foreign ink
_CELL = CROP_SIDE // MAP_SIDE
_LEAST = 40  # px of ink that must remain
_TRIES = 20

AUGMENTED, UPSIDE_DOWN, SIDEWAYS = "augmented", "upside_down", "sideways"
REPENNED = "repenned"
VARIANTS = (
    *(AUGMENTED,) * 4, "half", "half", "patch", "scribble", "scribble", "intruder", "intruder",
    UPSIDE_DOWN, SIDEWAYS, SIDEWAYS, *(REPENNED,) * 3,
)  # fmt: skip
_GENTLE = 0.6  # augmentation that leaves a child's drawing a child's drawing
_LEAST_VARIANT = 25  # px of ink that must remain
_TRIES_VARIANT = 8


@dataclass(frozen=True, eq=False)
class Examples:
    """``strokes`` (n, 128, 128) bytes; ``category``, ``turns`` (quarters), ``kind`` (n,) integers.

    ``foreign`` (n, 16, 16) is the share of each cell's ink that was added, in bytes; ``inked``
    tells the cells that have ink at all.
    """

    strokes: NDArray[np.uint8]
    category: NDArray[np.int64]
    turns: NDArray[np.int64]
    kind: NDArray[np.int64]
    foreign: NDArray[np.uint8]
    inked: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.strokes)


def make_examples(
    sheets: NDArray[np.uint8],
    category: NDArray[np.int64],
    tracer: Path,
    recipe: TrunkRecipe,
    seed: int,
) -> Examples:
    """Make some of each sheet (n, h, w; ink = 255), redrawn; the same for the same seed."""
    variants, workers = recipe.variants, recipe.workers
    numbers = np.tile(np.arange(len(sheets)), variants)
    parts = np.array_split(np.arange(len(numbers)), max(1, workers) * 4)
    make = partial(_make_part, sheets, category, numbers, tracer, seed)
    if workers <= 1:
        made = [make(part) for part in parts]
    else:
        with ProcessPoolExecutor(workers) as pool:
            made = list(pool.map(make, parts))
    return Examples(*(np.concatenate(column) for column in zip(*made, strict=True)))


def augmented(sheet: NDArray[np.uint8], rng: Rng, strength: float = 1.0) -> FloatArray:
    """Mirror, lean, stretch, resize, change the pen: what does not change what a drawing shows."""
    picture = Image.fromarray(sheet)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for change in _PENS[int(rng.choice(len(_PENS), p=_PEN_SHARES))]:
        picture = picture.filter(change)
    move = _affine(picture.size, rng, strength)
    moved = picture.transform(picture.size, Image.Transform.AFFINE, move, Image.Resampling.BILINEAR)
    return np.asarray(moved, np.float32) / 255


def jittered(square: Square, rng: Rng) -> Square:
    """Move and scale the square that the product crops to a little."""
    x, y, side = square
    larger = rng.uniform(0.97, 1.06)
    dx, dy = rng.normal(0, 0.012, 2) * side - (larger - 1) * side / 2
    return x + dx, y + dy, side * larger


def by_cell(values: FloatArray) -> FloatArray:
    """Sum (128, 128) values over the cells of the map, (16, 16)."""
    return np.asarray(values.reshape(MAP_SIDE, _CELL, MAP_SIDE, _CELL).sum(axis=(1, 3)))


def _make_part(
    sheets: NDArray[np.uint8],
    category: NDArray[np.int64],
    numbers: NDArray[np.int64],
    tracer: Path,
    seed: int,
    part: NDArray[np.int64],
) -> tuple[NDArray[np.generic], ...]:
    redraw = redrawing(tracer)
    rows = [
        _example(sheets, numbers[i], redraw, np.random.default_rng((seed, int(i)))) for i in part
    ]
    strokes, turns, kind, foreign, inked = (np.array(column) for column in zip(*rows, strict=True))
    return strokes, category[numbers[part]], turns, kind, foreign, inked


def _example(
    sheets: NDArray[np.uint8], number: int, redraw: Redraw, rng: Rng
) -> tuple[NDArray[np.uint8], int, int, NDArray[np.uint8], NDArray[np.bool_]]:
    kind = int(rng.choice(len(KINDS), p=_SHARES))
    turns = _turns(rng) if kind == 0 and rng.random() < _TURNED else 0
    spoilt = _spoilt(sheets, number, kind, turns, rng)
    square = jittered(ink_square(spoilt.ink >= INK) or (0, 0, len(spoilt.ink)), rng)
    strokes = redraw(cut(spoilt.ink, square, READ_SIDE))
    foreign = cut(spoilt.foreign.astype(np.float32), square, CROP_SIDE)
    there = by_cell(strokes)
    share = by_cell(foreign * strokes) / np.maximum(there, 1e-3)
    return _bytes(strokes), turns, kind, _bytes(np.clip(share, 0, 1)), there > INKED_CELL


def _spoilt(sheets: NDArray[np.uint8], number: int, kind: int, turns: int, rng: Rng) -> Spoilt:
    for _ in range(_TRIES):
        host = augmented(sheets[number], rng)
        if (host >= INK).sum() >= _LEAST:
            spoilt = _spoil(host, sheets, kind, turns, rng)
            if (spoilt.ink >= INK).sum() >= _LEAST:
                return spoilt
    return turned(sheets[number].astype(np.float32) / 255, turns)


def _spoil(host: FloatArray, sheets: NDArray[np.uint8], kind: int, turns: int, rng: Rng) -> Spoilt:
    match KINDS[kind]:
        case "half":
            return half_erased(host, rng)
        case "patch":
            return patch_erased(host, rng)
        case "scribble":
            return scribbled(host, rng)
        case "intruder":
            return intruded(host, augmented(sheets[int(rng.integers(len(sheets)))], rng), rng)
    return turned(host, turns)


def _turns(rng: Rng) -> int:
    return int(rng.choice((1, 2, 3), p=(0.22, 0.56, 0.22)))


def _affine(size: tuple[int, int], rng: Rng, strength: float) -> Sequence[float]:
    lean = rng.normal(0, 0.12 * strength)
    wide, high = np.exp(rng.normal(0.12, 0.22 * strength) + rng.normal(0, 0.1 * strength, 2))
    shear = rng.normal(0, 0.08 * strength)
    c, s = math.cos(lean), math.sin(lean)
    matrix = np.array([[c * wide, shear - s * wide], [s * high, c * high]])
    middle = np.array(size) / 2
    shift = middle - matrix @ middle + rng.normal(0, 12 * strength, 2)
    return (*matrix[0], shift[0], *matrix[1], shift[1])


def _bytes(values: FloatArray) -> NDArray[np.uint8]:
    return (values * 255).astype(np.uint8)


def variants(sheet: Sheet, others: list[FloatArray], rng: Rng) -> Iterator[Sheet]:
    """Yield a sheet for each of ``VARIANTS``; ``others`` are the sheets intruders come from."""
    for place, name in enumerate(VARIANTS):
        yield replace(sheet, ink=_made(name, place, sheet.ink, others, rng))


def _repenned(ink: FloatArray, pen: int) -> FloatArray:
    """Draw the same strokes with another pen."""
    picture = Image.fromarray((ink * 255).astype(np.uint8))
    for change in _OTHER_PENS[pen]:
        picture = picture.filter(change)
    return np.asarray(picture, np.float32) / 255


def _made(name: str, place: int, ink: FloatArray, others: list[FloatArray], rng: Rng) -> FloatArray:
    for _ in range(_TRIES_VARIANT):
        made = _variant(name, place, ink, others[int(rng.integers(len(others)))], rng)
        if (made >= INK).sum() >= _LEAST_VARIANT:
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
        case "repenned":
            return _repenned(ink, place % len(_OTHER_PENS))
    return augmented((ink * 255).astype(np.uint8), rng, _GENTLE)
