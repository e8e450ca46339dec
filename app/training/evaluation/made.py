"""Held-out drawings spoilt in known ways, measured from the picture on, as a visitor's would be."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from app.imaging import intake
from app.imaging.marks import PICTURE_MEASURES
from app.imaging.paper import INK
from app.inference.features import Inked, Trunk, saliency_map
from app.scoring.norms import FloatArray
from app.training.anomalies import (
    Rng,
    Spoilt,
    half_erased,
    ink_box,
    intruded,
    measured_pen,
    patch_erased,
    scribbled,
    turned,
)
from app.training.embed import in_batches, inked_or_none
from app.training.evaluation.statistics import auroc
from app.training.not_drawings import phone_photo
from app.training.references import ReferenceDrawing

KINDS = ("half", "scribble", "intruder", "upside_down", "sideways", "patch", "phone")
MAP_MEASURES = (
    "map_auroc", "density_auroc", "centre_auroc",
    "map_pointing", "density_pointing", "centre_pointing", "chance",
)  # fmt: skip
_WINDOW = 0.1  # of the ink's box: what the density of ink is taken over
_LEAST = 20  # px of either ink for the map to be judged


@dataclass(frozen=True, eq=False)
class Made:
    """What the held-out drawings became; ``nan`` if no ink was found.

    ``features`` (n, kinds, d), ``picture`` (n, kinds, m). ``pens`` (n, 1 + kinds) are the pens'
    widths in the original and in what was made of it, measured along the strokes' ridges, in px.
    ``maps`` (n, measures) judge the map on the intruders; ``nan`` where there is too little ink.
    """

    features: FloatArray
    picture: FloatArray
    pens: FloatArray
    maps: FloatArray


def make(trunk: Path, drawings: Sequence[ReferenceDrawing], seed: int, workers: int) -> Made:
    """Make one of each of ``KINDS`` of every drawing; intruders are other children's drawings."""
    numbered = list(enumerate(drawings))
    work = partial(_make_batch, trunk, tuple(drawings), seed)
    rows = list(in_batches(work, numbered, "Made anomalies", workers))
    return Made(*(np.stack(column) for column in zip(*rows, strict=True)))


def _make_batch(
    path: Path,
    everyone: tuple[ReferenceDrawing, ...],
    seed: int,
    batch: Sequence[tuple[int, ReferenceDrawing]],
) -> list[tuple[FloatArray, ...]]:
    trunk = Trunk(path)
    return [
        _make_all(trunk, drawing, everyone, np.random.default_rng((seed, number)))
        for number, drawing in batch
    ]


def _make_all(
    trunk: Trunk, drawing: ReferenceDrawing, everyone: tuple[ReferenceDrawing, ...], rng: Rng
) -> tuple[FloatArray, ...]:
    ink = original_ink(drawing)
    guest = original_ink(_another_child(drawing, everyone, rng))
    spoilt = {
        "half": half_erased(ink, rng),
        "scribble": scribbled(ink, rng),
        "intruder": intruded(ink, guest, rng),
        "upside_down": turned(ink, 2),
        "sideways": turned(ink, int(rng.choice((1, 3)))),
        "patch": patch_erased(ink, rng),
    }
    pictures = [as_picture(spoilt[kind].ink) for kind in KINDS if kind in spoilt]
    pictures.append(phone_photo(as_picture(ink).convert("L"), rng))
    inked = [inked_or_none(trunk, picture) for picture in pictures]
    seen = inked[KINDS.index("intruder")]
    maps = _judge_map(seen, spoilt["intruder"]) if seen else np.full(len(MAP_MEASURES), np.nan)
    size = next(len(each.features) for each in inked if each)
    return (
        np.stack([each.features if each else np.full(size, np.nan) for each in inked]),
        np.stack(
            [each.picture if each else np.full(len(PICTURE_MEASURES), np.nan) for each in inked]
        ),
        np.array([measured_pen(each).width for each in (ink, *map(_ink, pictures))]),
        maps,
    )


def original_ink(drawing: ReferenceDrawing) -> FloatArray:
    """Ink of the original, (h, w) in 0–1, untouched by any normalisation."""
    return _ink(intake.read(drawing.path.read_bytes()))


def _ink(picture: Image.Image) -> FloatArray:
    return 1 - np.asarray(picture.convert("L"), np.float32) / 255


def as_picture(ink: FloatArray) -> Image.Image:
    """Show ink as black on white."""
    return Image.fromarray(((1 - ink) * 255 + 0.5).astype(np.uint8)).convert("RGB")


def _another_child(
    drawing: ReferenceDrawing, everyone: tuple[ReferenceDrawing, ...], rng: Rng
) -> ReferenceDrawing:
    while len({each.child for each in everyone}) > 1:
        other = everyone[int(rng.integers(len(everyone)))]
        if other.child != drawing.child:
            return other
    return drawing


def _judge_map(inked: Inked, spoilt: Spoilt) -> FloatArray:
    """Compare the map, the density of the ink and the nearness to the centre on the ink itself."""
    height, width = spoilt.ink.shape
    shown = saliency_map(
        inked.sheet, inked.crop, inked.seen.strokes, inked.seen.foreign_shares, (width, height)
    )
    on = spoilt.ink >= INK
    foreign = spoilt.foreign[on]
    if foreign.sum() < _LEAST or (~foreign).sum() < _LEAST:
        return np.full(len(MAP_MEASURES), np.nan)
    rivals = [
        np.asarray(shown, np.float32)[on],
        _density(spoilt.ink)[on],
        _nearness(spoilt.ink)[on],
    ]
    found = [auroc(values[~foreign], values[foreign]) for values in rivals]
    pointed = [float(foreign[int(np.argmax(values))]) for values in rivals]
    return np.array([*found, *pointed, foreign.mean()], np.float32)


def _density(ink: FloatArray) -> FloatArray:
    top, bottom, left, right = ink_box(ink)
    reach = max(1, round(_WINDOW * max(bottom - top, right - left) / 2))
    grey = Image.fromarray((ink * 255).astype(np.uint8))
    return np.asarray(grey.filter(ImageFilter.BoxBlur(reach)), np.float32)


def _nearness(ink: FloatArray) -> FloatArray:
    top, bottom, left, right = ink_box(ink)
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]]
    far = np.hypot(y - (top + bottom) / 2, x - (left + right) / 2)
    return np.asarray(-far, np.float32)
