"""A folder of drawings -> a bundle."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app import self_test
from app.imaging import intake
from app.inference.bundle import TRUNK, write_bundle
from app.inference.trunk import Trunk
from app.scoring.assess import Norms
from app.scoring.conformal import MINIMUM_CHILDREN
from app.training.dataset import (
    ReferenceDrawing,
    folds_by_child,
    norm_categories,
    read_collections,
    with_age,
)
from app.training.embed import Embedded, embed, gate_rows
from app.training.fit import References, fit_norms
from app.training.gate import DOMAIN, fit_gate, fit_guard
from app.training.not_drawings import not_drawings, phone_photo
from app.training.patches import usual_patches
from app.training.trunk_export import export_trunk


@dataclass(frozen=True)
class TrainingConfig:
    """What one training run may choose."""

    version: str
    seed: int = 1
    folds: int = 10
    unaged: int = 700  # of each set without ages, as the gate's examples of drawings
    not_drawings: int = 300  # made pictures of each kind that is no drawing


def train(data: Path, out: Path, trunk: Path | None, config: TrainingConfig) -> dict[str, Any]:
    """Fit a bundle from the sets in ``data`` and write it to ``out``; return its card."""
    out.mkdir(parents=True, exist_ok=True)
    if trunk is None:
        trunk = out / TRUNK
        export_trunk(trunk)
    everything = read_collections(data)
    norms, card = fit_bundle(Trunk(trunk), with_age(everything), everything, config)
    write_bundle(out, config.version, trunk, norms, card, self_test.record(Trunk(trunk), norms))
    return card


def fit_bundle(
    trunk: Trunk,
    aged: list[ReferenceDrawing],
    everything: list[ReferenceDrawing],
    config: TrainingConfig,
) -> tuple[Norms, dict[str, Any]]:
    """Fit everything but the trunk."""
    embedded = embed(trunk, aged, "Drawings with an age")
    categories = norm_categories(aged)
    deep = 2 * embedded.patches[0].shape[1]
    references = embedded.references(categories, deep)
    fold = folds_by_child(list(embedded.drawings), config.folds, config.seed)
    fitted = fit_norms(references, fold)
    norms = Norms(
        categories,
        fitted.folds,
        fitted.named,
        fitted.unnamed,
        fit_gate(*_gate_examples(trunk, embedded, everything, config), len(aged), config.seed),
        fit_guard(embedded.domain),
        usual_patches(embedded.patches, config.seed),
        fitted.age_error,
    )
    return norms, _card(references, embedded, norms, config)


def _gate_examples(
    trunk: Trunk, embedded: Embedded, everything: list[ReferenceDrawing], config: TrainingConfig
) -> tuple[Any, Any]:
    rng = np.random.default_rng(config.seed)
    chosen = _of_each_set([d for d in everything if d.age_years is None], config.unaged, rng)
    photographed = gate_rows(trunk, _photographed(embedded, rng), "Drawings photographed")
    others = gate_rows(
        trunk, not_drawings(config.not_drawings, config.seed), "Pictures that are no drawings"
    )
    drawings = [embedded.gate, photographed]
    if chosen:
        drawings.append(embed(trunk, chosen, "Drawings without an age").gate)
    return np.concatenate(drawings), others


def _of_each_set(
    drawings: list[ReferenceDrawing], most: int, rng: np.random.Generator
) -> list[ReferenceDrawing]:
    """Choose up to ``most`` of every set: a large one must not drown a small one."""
    shuffled = [drawings[i] for i in rng.permutation(len(drawings))]
    sets = sorted({d.collection for d in drawings})
    return [d for name in sets for d in [d for d in shuffled if d.collection == name][:most]]


def _photographed(embedded: Embedded, rng: np.random.Generator) -> Iterator[Image.Image]:
    for place in rng.permutation(len(embedded.drawings))[:400]:
        drawing = intake.read(embedded.drawings[place].path.read_bytes()).convert("L")
        yield phone_photo(drawing, rng)


def thin_cells(references: References) -> dict[str, int]:
    """Count the children of each year of age that is too thin for norms of its own."""
    year = references.age_years.astype(int)
    children = {y: len(set(references.child[year == y].tolist())) for y in np.unique(year)}
    return {str(y): n for y, n in children.items() if n < MINIMUM_CHILDREN}


def _card(
    references: References, embedded: Embedded, norms: Norms, config: TrainingConfig
) -> dict[str, Any]:
    sets = Counter(d.collection for d in embedded.drawings)
    years = np.unique(references.age_years.astype(int))
    return {
        "version": config.version,
        "seed": config.seed,
        "folds": config.folds,
        "domain": DOMAIN,
        "drawings": len(references.child),
        "children": len(np.unique(references.child)),
        "sets": dict(sorted(sets.items())),
        "categories": list(norms.categories),
        "children_by_age": {str(y): norms.unnamed.group(int(y)).children for y in years},
        "ages_without_norm": thin_cells(references),
        "apparent_age_interval": {"coverage": 0.8, "half_width_years": round(norms.age_error, 3)},
        "trunk": "EfficientNet-Lite0, ImageNet weights, cut after stage 5",
    }
