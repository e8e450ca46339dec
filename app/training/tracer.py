"""Doodles by many media -> a network that finds the centre lines and draws them with one pen.

A small U-Net (Ronneberger et al. 2015) that begins at a quarter of the size, so that it takes two
milliseconds. It is taught on simulated pictures of doodles alone: no
child of the norms is in it. Importing this module needs torch and the training extra.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional as F

from app.training.media import Segments, doodle_lines, example
from app.training.recipe import TracerRecipe
from app.training.references import ReferenceDrawing

_FINE, _COARSE = 16, 40  # channels at a quarter of the size, and at an eighth and a sixteenth
_ROUND = 200  # examples between two looks at the progress
_TURNS = 8  # ways to turn and mirror a square

Pairs = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class Tracer(nn.Module):  # type: ignore[misc]
    """``ink`` (n, 1, 256, 256) to logits of the redrawn strokes, (n, 1, 128, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(_smaller(1, _FINE, 12, 4), _layer(_FINE, _FINE))
        self.coarse = nn.Sequential(
            _smaller(_FINE, _COARSE, 2, 2), _layer(_COARSE, _COARSE), _layer(_COARSE, _COARSE)
        )
        self.coarsest = nn.Sequential(
            _smaller(_COARSE, _COARSE, 2, 2), _layer(_COARSE, _COARSE),
            _layer(_COARSE, _COARSE), _layer(_COARSE, _COARSE, 1),
        )  # fmt: skip
        self.coarse_again = nn.Sequential(_layer(_COARSE, _COARSE), _layer(_COARSE, _FINE, 1))
        self.fine_again = nn.Sequential(_layer(_FINE, _FINE), nn.Conv2d(_FINE, 4, 3, padding=1))

    def forward(self, ink: Tensor) -> Tensor:
        """Look closely, then from further and further away, and come back."""
        fine = self.fine(ink)
        coarse = self.coarse(fine)
        coarsest = self.coarsest(coarse)
        coarse = self.coarse_again(coarse + F.interpolate(coarsest, scale_factor=2))
        fine = self.fine_again(fine + F.interpolate(coarse, scale_factor=2))
        return F.pixel_shuffle(fine, 2)


class Redrawn(nn.Module):  # type: ignore[misc]
    """The same with the strokes themselves, in 0–1."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self.tracer = tracer

    def forward(self, ink: Tensor) -> Tensor:
        """Turn logits into ink."""
        return torch.sigmoid(self.tracer(ink))


def teach(doodles: Sequence[ReferenceDrawing], recipe: TracerRecipe, seed: int) -> Redrawn:
    """Teach a tracer on ``recipe.examples`` pictures made of the doodles."""
    torch.manual_seed(seed)
    tracer = Tracer().to(memory_format=torch.channels_last)
    lines = [doodle_lines(Image.open(d.path)) for d in track(doodles, "Doodles")]
    ink, strokes = _examples(lines, recipe, seed)
    steps = round(recipe.epochs * len(ink) / recipe.batch)
    optimizer = torch.optim.AdamW(tracer.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=steps + 1, pct_start=0.1
    )
    tracer.train()
    for batch in track(_batches(ink, strokes, steps, recipe, seed), "Tracer", total=steps):
        seen, truth = (torch.from_numpy(part)[:, None] for part in batch)
        loss = F.binary_cross_entropy_with_logits(tracer(seen), truth)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tracer.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return Redrawn(tracer.eval())


def _examples(lines: list[Segments], recipe: TracerRecipe, seed: int) -> Pairs:
    parts = np.array_split(np.arange(recipe.examples), max(1, recipe.examples // _ROUND))
    work = partial(_make_part, lines, seed)
    with ProcessPoolExecutor(recipe.workers) as pool:
        made = list(track(pool.map(work, parts), "Simulated pictures", total=len(parts)))
    ink, strokes = zip(*made, strict=True)
    return np.concatenate(ink), np.concatenate(strokes)


def _make_part(lines: list[Segments], seed: int, part: NDArray[np.intp]) -> Pairs:
    made = (example(lines, np.random.default_rng((seed, int(number)))) for number in part)
    found = [one for one in made if one is not None]
    return np.stack([one.ink for one in found]), np.stack([one.strokes for one in found])


def _batches(
    ink: NDArray[np.uint8],
    strokes: NDArray[np.uint8],
    steps: int,
    recipe: TracerRecipe,
    seed: int,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    rng = np.random.default_rng(seed)
    order = np.zeros(0, np.intp)
    for _ in range(steps):
        if len(order) < recipe.batch:
            order = rng.permutation(len(ink))
        batch, order = order[: recipe.batch], order[recipe.batch :]
        turn = int(rng.integers(_TURNS))
        yield _turned(ink[batch], turn), _turned(strokes[batch], turn)


def _turned(squares: NDArray[np.uint8], turn: int) -> NDArray[np.float32]:
    mirrored = squares[:, ::-1] if turn >= _TURNS // 2 else squares
    return np.ascontiguousarray(np.rot90(mirrored, turn % 4, (1, 2)), np.float32) / np.float32(255)


def convolution(into: int, out: int, side: int = 1, groups: int = 1) -> tuple[nn.Module, ...]:
    """A convolution that keeps the size, and its batch norm."""
    layer = nn.Conv2d(into, out, side, padding=side // 2, groups=groups, bias=False)
    return layer, nn.BatchNorm2d(out)


def _smaller(into: int, out: int, side: int, step: int) -> nn.Sequential:
    """A layer that goes on with one of ``step`` pixels each way."""
    layer = nn.Conv2d(into, out, side, step, padding=(side - step) // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out), nn.ReLU())


def _layer(into: int, out: int, side: int = 3) -> nn.Sequential:
    return nn.Sequential(*convolution(into, out, side), nn.ReLU())
