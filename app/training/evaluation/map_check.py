"""The map judged on intruders drawn from strokes, by the host's pen and by others.

The trunk was taught intruders that were made of ink; these are made of other strokes by other pens,
and the density of the redrawn strokes is what the map has to beat.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from app.imaging.paper import INK
from app.inference.features import Inked, Trunk, laid_over, saliency_map
from app.scoring.norms import FloatArray
from app.training.anomalies import Pen
from app.training.embed import in_batches, inked_or_none
from app.training.evaluation.statistics import auroc
from app.training.recipe import Recipe
from app.training.sheets import COLLECTED, StrokeDrawing, draw, intruder

MEASURES = ("auroc", "density_auroc", "pointing", "density_pointing")
PENS = {  # the host's and the intruder's
    "same": (COLLECTED, COLLECTED),
    "softer": (COLLECTED, Pen(3.1, 1.4)),
    "sharper": (Pen(3.1, 1.4), COLLECTED),
    "thinner": (Pen(6.0, 0.4), COLLECTED),
    "thicker": (COLLECTED, Pen(6.0, 0.4)),
}
_DENSE = 7  # px of the crop: half the window that the density of strokes is taken over
_LEAST = 20  # px of either ink for the map to be judged


def check_map(
    trunk: Path, drawings: Sequence[StrokeDrawing], recipe: Recipe
) -> dict[str, dict[str, float]]:
    """Return the means of ``MEASURES`` by the intruder's pen."""
    work = partial(_judge_batch, trunk, tuple(drawings), recipe.seed)
    rows = np.array(list(in_batches(work, list(enumerate(drawings)), "Maps", recipe.norms.workers)))
    return {
        pen: dict(zip(MEASURES, np.nanmean(column, 0).round(4).tolist(), strict=True))
        for pen, column in zip(PENS, rows.transpose(1, 0, 2), strict=True)
    }


def another_child(
    drawing: StrokeDrawing, everyone: Sequence[StrokeDrawing], rng: np.random.Generator
) -> StrokeDrawing:
    """Choose a drawing by another child, or the drawing itself if there is none."""
    others = [one for one in everyone if one.child != drawing.child] or [drawing]
    return others[int(rng.integers(len(others)))]


def _judge_batch(
    path: Path,
    everyone: Sequence[StrokeDrawing],
    seed: int,
    batch: Sequence[tuple[int, StrokeDrawing]],
) -> list[list[list[float]]]:
    trunk, rows = Trunk(path), []
    for number, host in batch:
        rng = np.random.default_rng((seed, number))
        guest = intruder(another_child(host, everyone, rng), host, rng)
        rows.append([_judge(trunk, host, guest, *pens) for pens in PENS.values()])
    return rows


def _judge(
    trunk: Trunk, host: StrokeDrawing, guest: StrokeDrawing, pen: Pen, guests_pen: Pen
) -> list[float]:
    """All measures of one drawing with an intruder; ``nan`` if there is too little ink."""
    own, added = draw(host, pen), draw(guest, guests_pen)
    whole = ImageChops.darker(own, added)
    inked = inked_or_none(trunk, whole)
    ink, foreign = 1 - np.asarray(whole) / 255, 1 - np.asarray(added) / 255
    on = ink >= INK
    theirs = (foreign > 0.3)[on]
    if inked is None or theirs.sum() < _LEAST or (~theirs).sum() < _LEAST:
        return [np.nan] * len(MEASURES)
    shown, dense = (values[on] for values in (_map(inked, whole), _density(inked, whole)))
    return [
        auroc(shown[~theirs], shown[theirs]),
        auroc(dense[~theirs], dense[theirs]),
        float(theirs[int(np.argmax(shown))]),
        float(theirs[int(np.argmax(dense))]),
    ]


def _map(inked: Inked, picture: Image.Image) -> FloatArray:
    seen = inked.seen
    mapped = saliency_map(inked.sheet, inked.crop, seen.strokes, seen.foreign_shares, picture.size)
    return np.asarray(mapped, float)


def _density(inked: Inked, picture: Image.Image) -> FloatArray:
    """How dense the redrawn strokes are around each pixel."""
    strokes = Image.fromarray((inked.seen.strokes * 255).astype(np.uint8))
    dense = strokes.filter(ImageFilter.BoxBlur(_DENSE))
    return np.asarray(laid_over(inked.sheet, inked.crop, dense, picture.size), float)
