"""Reference drawings -> features, on as many cores as the recipe says, with a progress bar."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from rich.progress import track

from app.errors import UnreadableDrawing
from app.imaging import intake
from app.imaging.marks import MARKS
from app.imaging.paper import Sheet, find_drawing
from app.inference.features import Inked, Trunk, extract, measure
from app.scoring.norms import FloatArray
from app.training.examples import VARIANTS, variants
from app.training.references import ReferenceDrawing, References, drawn_categories, has_norm

T = TypeVar("T")
R = TypeVar("R")
_BATCH = 20


@dataclass(frozen=True, eq=False)
class Embedded:
    """Features (n, d) of the drawings with ink and of their variants, measures of the pictures."""

    drawings: tuple[ReferenceDrawing, ...]
    features: FloatArray
    picture: FloatArray
    variants: FloatArray

    @property
    def gate(self) -> FloatArray:
        """What the gate sees, (n, g)."""
        return np.concatenate([self.features, self.picture], axis=1)

    def references(self) -> References:
        """Return the drawings as arrays."""
        categories = drawn_categories(list(self.drawings))
        place = {name: i for i, name in enumerate(categories)}
        children = {c: i for i, c in enumerate(dict.fromkeys(d.child for d in self.drawings))}
        return References(
            self.features,
            self.features.shape[1] - len(MARKS),
            np.array([d.age_years for d in self.drawings], np.float32),
            np.array([place.get(d.category or "", -1) for d in self.drawings], np.int32),
            np.array([children[d.child] for d in self.drawings], np.int32),
            categories,
            has_norm(list(self.drawings), categories),
            self.variants,
        )


@dataclass(frozen=True, eq=False)
class _Measured:
    drawing: ReferenceDrawing
    features: FloatArray
    picture: FloatArray
    variants: FloatArray


@dataclass(frozen=True)
class VariantRecipe:
    """``guests`` are the drawings that intrude on others; none of a child's may be among them."""

    guests: tuple[ReferenceDrawing, ...]
    seed: int


def embed(
    trunk: Path,
    drawings: Sequence[ReferenceDrawing],
    what: str,
    workers: int = 1,
    recipe: VariantRecipe | None = None,
) -> Embedded:
    """Read and measure every drawing; those without ink are left out."""
    numbered = list(enumerate(drawings))
    measured = in_batches(partial(_measure_batch, trunk, recipe), numbered, what, workers)
    rows = list(measured)
    return Embedded(
        tuple(row.drawing for row in rows),
        np.stack([row.features for row in rows]),
        np.stack([row.picture for row in rows]),
        np.stack([row.variants for row in rows]),
    )


def in_batches(
    work: Callable[[Sequence[T]], list[R]], items: Sequence[T], what: str, workers: int
) -> Iterator[R]:
    """Apply ``work`` to batches of the items, in order, on several cores if asked."""
    batches = [items[i : i + _BATCH] for i in range(0, len(items), _BATCH)]
    if workers <= 1:
        for batch in track(batches, what):
            yield from work(batch)
        return
    with ProcessPoolExecutor(workers) as pool:
        for results in track(pool.map(work, batches), what, total=len(batches)):
            yield from results


def gate_rows(trunk: Trunk, pictures: Iterable[Image.Image], what: str) -> FloatArray:
    """Return what the gate sees of pictures, leaving out those without any ink."""
    inked = [inked_or_none(trunk, picture) for picture in track(list(pictures), what)]
    return np.stack([i.drawing.whole for i in inked if i])


def inked_or_none(trunk: Trunk, picture: Image.Image) -> Inked | None:
    """Measure one picture; ``None`` if it has no ink, or too little to be compared."""
    try:
        return extract(trunk, picture.convert("RGB"))
    except UnreadableDrawing:
        return None


def read_sheet(drawing: ReferenceDrawing) -> Sheet:
    """Find the drawing in a file on disk, however small it is."""
    return find_drawing(intake.read(drawing.path.read_bytes()), least=1)


def _measure_batch(
    path: Path, recipe: VariantRecipe | None, batch: Sequence[tuple[int, ReferenceDrawing]]
) -> list[_Measured]:
    trunk = Trunk(path)
    measured = []
    for number, drawing in batch:
        sheet = read_sheet(drawing)
        inked = measure(trunk, sheet)
        if inked is not None:
            made = _measure_variants(trunk, inked, number, recipe)
            measured.append(_Measured(drawing, inked.features, inked.picture, made))
    return measured


def _measure_variants(
    trunk: Trunk, inked: Inked, number: int, recipe: VariantRecipe | None
) -> FloatArray:
    if recipe is None:
        return np.zeros((0, len(inked.features)), np.float32)
    rng = np.random.default_rng((recipe.seed, number))
    guests = [
        read_sheet(recipe.guests[int(i)]).ink
        for i in rng.integers(len(recipe.guests), size=VARIANTS.count("intruder"))
    ]
    made = (measure(trunk, sheet) for sheet in variants(inked.sheet, guests, rng))
    return np.stack([inked.features if each is None else each.features for each in made])
