"""A folder of drawings -> a bundle."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from app.errors import ConfigurationError
from app.imaging import intake
from app.inference import self_test
from app.inference.bundle import TRUNK, write_bundle
from app.inference.features import Trunk
from app.scoring.assess import Norms
from app.scoring.norms import FloatArray
from app.training.anomalies import half_erased
from app.training.embed import Embedded, VariantRecipe, embed, gate_rows, in_batches, inked_or_none
from app.training.fit import FittedNorms, fit_norms
from app.training.gate import DOMAIN, GateExamples
from app.training.media import doodle_lines, painting, picture
from app.training.not_drawings import not_drawings, phone_photo, photograph_windows
from app.training.papers import marked_paper
from app.training.recipe import Recipe
from app.training.references import (
    IntArray,
    ReferenceDrawing,
    References,
    folds_by_child,
    read_collections,
    thin_cells,
    with_age,
)
from app.training.sittings import fit_sittings

MARKED, HALVED = 0.7, 0.4  # of the photographed references


def train(data: Path, out: Path, trunk: Path | None, recipe: Recipe) -> dict[str, Any]:
    """Fit a bundle from the sets in ``data`` and write it to ``out``; return its card."""
    out.mkdir(parents=True, exist_ok=True)
    everything = read_collections(data)
    if trunk is None:
        trunk = out / TRUNK
        train_trunk(everything, trunk, recipe)
    norms, card = fit_bundle(trunk, everything, recipe)
    write_bundle(out, recipe.version, trunk, norms, card, self_test.record(Trunk(trunk), norms))
    return card


def train_trunk(everything: list[ReferenceDrawing], path: Path, recipe: Recipe) -> None:
    """Teach the tracer and fine-tune the trunk on drawings that have a category but no age."""
    try:
        from app.training.finetune import finetune
        from app.training.tracer import teach
    except ImportError as error:
        raise ConfigurationError(
            "Training the trunk needs torch and the training extra: run `make train-setup`, or "
            "give a trained trunk with --trunk, such as bundle/trunk.onnx."
        ) from error
    drawings = without_age(everything)
    tracer = teach(drawings, recipe.tracer, recipe.seed)
    finetune(drawings, tracer, path, recipe.trunk, recipe.seed)


def without_age(everything: list[ReferenceDrawing]) -> list[ReferenceDrawing]:
    """Return the drawings that can teach what is drawn, and that no norm is fitted on."""
    return [d for d in everything if d.age_years is None and d.category]


def embed_references(trunk: Path, everything: list[ReferenceDrawing], recipe: Recipe) -> Embedded:
    """Measure the drawings with ages, and the variants to fit with."""
    aged = with_age(everything)
    guests = without_age(everything) or aged
    variants = VariantRecipe(tuple(guests), recipe.seed)
    return embed(trunk, aged, "Drawings with an age", recipe.norms.workers, variants)


def fit_bundle(
    trunk: Path, everything: list[ReferenceDrawing], recipe: Recipe
) -> tuple[Norms, dict[str, Any]]:
    """Fit everything but the trunk."""
    embedded = embed_references(trunk, everything, recipe)
    references = embedded.references()
    fold = folds_by_child(list(embedded.drawings), recipe.norms.folds, recipe.seed)
    fitted = fit_norms(references, fold)
    examples = gate_examples(trunk, embedded, everything, recipe)
    norms = Norms(
        references.categories,
        references.has_norm,
        fitted.folds,
        fitted.named,
        fitted.unnamed,
        examples.gate(recipe.seed),
        examples.guard(),
        fitted.age_error,
        sittings=fit_sittings(references, fitted),
    )
    return norms, _card(references, embedded, fitted, norms, recipe)


def gate_examples(
    trunk: Path, embedded: Embedded, everything: list[ReferenceDrawing], recipe: Recipe
) -> GateExamples:
    """Return what the gate sees of drawings and of what is none."""
    rng = np.random.default_rng(recipe.seed)
    unaged = _of_each_set([d for d in everything if d.age_years is None], recipe.gate.unaged, rng)
    others = not_drawings(recipe.gate.not_drawings, recipe.seed)
    windows = photograph_windows(recipe.gate.windows, recipe.seed)
    photographed, photographed_of = embed_photographed(trunk, embedded, recipe)
    return GateExamples(
        embedded.gate,
        embedded.references().child,
        photographed,
        photographed_of,
        _simulated(trunk, [d for d in unaged if d.category], embedded.gate[:0], recipe),
        {
            name: embed(
                trunk,
                [d for d in unaged if d.collection == name],
                f"Drawings without an age, {name}",
                recipe.norms.workers,
            ).gate
            for name in sorted({d.collection for d in unaged})
        },
        gate_rows(Trunk(trunk), others, "Pictures that are no drawings"),
        {name: gate_rows(Trunk(trunk), some, "Photographs") for name, some in windows.items()},
        dict(Counter(d.collection for d in unaged)) | {n: len(w) for n, w in windows.items()},
    )


def _simulated(
    trunk: Path, doodles: list[ReferenceDrawing], none: FloatArray, recipe: Recipe
) -> FloatArray:
    """Return what the gate sees of doodles by other media on other sheets, (n, g)."""
    if not doodles:
        return none
    rng = np.random.default_rng(recipe.seed)
    lines = [doodle_lines(Image.open(d.path)) for d in doodles]
    pictures = [picture(lines, rng) for _ in range(recipe.gate.simulated)]
    pictures += [painting(lines, rng) for _ in range(recipe.gate.painted)]
    return gate_rows(Trunk(trunk), pictures, "Drawings by other media")


def embed_photographed(
    trunk: Path, embedded: Embedded, recipe: Recipe
) -> tuple[FloatArray, IntArray]:
    """What the gate sees of some references when a phone has photographed them, and of which.

    (n, g) and (n,).
    """
    rng = np.random.default_rng(recipe.seed)
    chosen = rng.permutation(len(embedded.drawings))[: recipe.gate.photographed]
    numbered = [(int(i), embedded.drawings[i]) for i in chosen]
    work = partial(_photographed_batch, trunk, recipe.seed)
    found = in_batches(work, numbered, "Drawings photographed", recipe.norms.workers)
    rows, which = zip(*found, strict=True)
    return np.stack(rows), np.array(which, np.int32)


def _photographed_batch(
    trunk: Path, seed: int, batch: Sequence[tuple[int, ReferenceDrawing]]
) -> list[tuple[FloatArray, int]]:
    opened = Trunk(trunk)
    pictures = _photographed(batch, seed)
    inked = [inked_or_none(opened, picture) for picture in pictures]
    return [(i.drawing.whole, number) for i, (number, _) in zip(inked, batch, strict=True) if i]


def _photographed(
    batch: Sequence[tuple[int, ReferenceDrawing]], seed: int
) -> Iterator[Image.Image]:
    for number, drawing in batch:
        rng = np.random.default_rng((seed, number))
        grey = intake.read(drawing.path.read_bytes()).convert("L")
        yield phone_photo(_on_paper(grey, rng) if rng.random() < MARKED else grey, rng)


def _on_paper(grey: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The drawing, or half of it, on paper with marks of its own and room around."""
    room = int(rng.uniform(0.05, 0.5) * max(grey.size))
    ink: FloatArray = 1 - np.asarray(ImageOps.expand(grey, room, 255), np.float32) / 255
    if rng.random() < HALVED:
        ink = half_erased(ink, rng).ink
    light = marked_paper(ink.shape, rng) * (1 - ink)
    return Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))


def _of_each_set(
    drawings: list[ReferenceDrawing], most: int, rng: np.random.Generator
) -> list[ReferenceDrawing]:
    """Choose up to ``most`` of every set: a large one must not drown a small one."""
    shuffled = [drawings[i] for i in rng.permutation(len(drawings))]
    sets = sorted({d.collection for d in drawings})
    return [d for name in sets for d in [d for d in shuffled if d.collection == name][:most]]


def _card(
    references: References,
    embedded: Embedded,
    fitted: FittedNorms,
    norms: Norms,
    recipe: Recipe,
) -> dict[str, Any]:
    sets = Counter(d.collection for d in embedded.drawings)
    years = np.unique(references.age_years.astype(int))
    return {
        "version": recipe.version,
        "seed": recipe.seed,
        "folds": recipe.norms.folds,
        "domain": DOMAIN,
        "drawings": len(references.child),
        "children": len(np.unique(references.child)),
        "sets": dict(sorted(sets.items())),
        "categories": list(norms.named_categories),
        "recognised_only": sorted(set(norms.categories) - set(norms.named_categories)),
        "children_by_age": {str(y): norms.unnamed.group(int(y)).children for y in years},
        "thin": thin_cells(references),
        "apparent_age_interval": {
            "coverage": 0.8,
            "half_width_years": round(fitted.age_error, 3),
        },
        "trunk": "EfficientNet-Lite0, stages one to three as ImageNet left them, four and five "
        "fine-tuned on drawings without ages",
    }
