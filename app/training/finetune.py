"""Drawings without ages -> a trunk that tells what is drawn, which way up, and what was spoilt.

Four objectives at once: the category, the quarter turns, the kind of damage (all self-made but the
first) and, cell by cell, which ink does not belong. A graphics card is used where there is one.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from app.inference.trunk import OUTPUTS
from app.training.dataset import ReferenceDrawing
from app.training.examples import Examples, make_examples
from app.training.network import EarlyStages, Exported, LateStages, export, untrained
from app.training.recipe import TrunkRecipe

CATEGORY_WEIGHTS = (1.0, 0.5, 0.8, 0.5, 0.6)  # by kind: damage may hide what is drawn
TURNED_WEIGHT = 0.4
_HALF = 1  # the kind whose missing ink has no place on the map
_CHUNK = 32


def finetune(
    drawings: Sequence[ReferenceDrawing], path: Path, recipe: TrunkRecipe, seed: int
) -> None:
    """Train on ``drawings`` (categories are used, ages are not) and write the trunk to ``path``."""
    torch.manual_seed(seed)
    names = sorted({d.category or "" for d in drawings})
    early, late = untrained(len(names))
    if recipe.epochs:
        examples = make_examples(
            _sheets(drawings),
            np.array([names.index(d.category or "") for d in drawings]),
            recipe.variants,
            seed,
            recipe.workers,
        )
        _learn(late, _early_maps(early, examples.ink), examples, recipe, seed)
    export(Exported(early, late), path, OUTPUTS)


def _sheets(drawings: Sequence[ReferenceDrawing]) -> NDArray[np.uint8]:
    sides = (300, 300)
    return np.stack(
        [
            255 - np.asarray(Image.open(d.path).convert("L").resize(sides))
            for d in track(drawings, "Drawings without ages")
        ]
    )


def _early_maps(early: EarlyStages, ink: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Compute once what does not learn, in onnxruntime: ten times faster than torch on a CPU."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "early.onnx"
        export(early, path, ("maps",))
        runtime = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        chunks = track(range(0, len(ink), _CHUNK), "Early stages")
        return np.concatenate(
            [
                runtime.run(None, {"ink": ink[i : i + _CHUNK, None].astype(np.float32) / 255})[0]
                .transpose(0, 2, 3, 1)
                .astype(np.float16)
                for i in chunks
            ]
        )


def _learn(
    late: LateStages,
    maps: NDArray[np.float16],
    examples: Examples,
    recipe: TrunkRecipe,
    seed: int,
) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    late.to(device, memory_format=torch.channels_last)
    steps = recipe.epochs * (len(examples) // recipe.batch)
    inherited = list(late.blocks.parameters())
    known = {id(parameter) for parameter in inherited}
    new = [p for p in late.parameters() if id(p) not in known]
    optimizer = torch.optim.AdamW([{"params": inherited}, {"params": new}], weight_decay=0.03)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [recipe.rate, recipe.head_rate], total_steps=steps, pct_start=0.12
    )
    late.train()
    batches = _batches(len(examples), recipe, np.random.default_rng(seed))
    for batch in track(batches, "Fine-tuning", total=steps):
        seen = torch.from_numpy(maps[batch].astype(np.float32)).permute(0, 3, 1, 2).to(device)
        loss = _loss(late(seen), _Truth(examples, batch, device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(late.parameters(), 5.0)
        optimizer.step()
        schedule.step()
    late.eval()


def _batches(
    count: int, recipe: TrunkRecipe, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    for _ in range(recipe.epochs):
        order = rng.permutation(count)
        for step in range(count // recipe.batch):
            yield order[step * recipe.batch : (step + 1) * recipe.batch]


class _Truth:
    """What is true of a batch of examples, as tensors."""

    def __init__(self, examples: Examples, batch: NDArray[np.int64], device: str) -> None:
        self.category, self.turns, self.kind = (
            torch.from_numpy(values[batch].astype(np.int64)).to(device)
            for values in (examples.category, examples.turns, examples.kind)
        )
        self.foreign = torch.from_numpy(examples.foreign[batch]).to(device).float() / 255
        self.inked = torch.from_numpy(examples.inked[batch]).to(device)


def _loss(said: dict[str, Tensor], truth: _Truth) -> Tensor:
    """Sum the four objectives, each over the examples that it makes sense for."""
    weight = torch.tensor(CATEGORY_WEIGHTS, device=truth.kind.device)[truth.kind]
    weight = weight * torch.where(truth.turns > 0, TURNED_WEIGHT, 1.0)
    category = F.cross_entropy(
        said["category"], truth.category, label_smoothing=0.1, reduction="none"
    )
    turns = F.cross_entropy(said["turns"], truth.turns, reduction="none")
    kind = F.cross_entropy(said["kind"], truth.kind, reduction="none")
    foreign = F.binary_cross_entropy_with_logits(said["foreign"], truth.foreign, reduction="none")
    placed = truth.inked & (truth.kind != _HALF)[:, None, None]
    return (
        (category * weight).mean()
        + _mean(turns, truth.kind == 0)
        + 0.7 * _mean(kind, truth.turns == 0)
        + _mean(foreign, placed)
    )


def _mean(values: Tensor, where: Tensor) -> Tensor:
    return (values * where).sum() / where.sum().clamp(min=1)
