"""Child-like drawings by a program, because no child's drawing is ever published.

A category is a list of parts, each with the age from which children tend to draw it; a ``Hand``
says how shaky and how careless its owner is at an age. The same arguments give the same pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 300  # px
PEN = 4  # px
_FINER = 3  # drawn larger, then reduced: smooth edges

Points = NDArray[np.floating]
Rng = np.random.Generator


@dataclass(frozen=True)
class Part:
    """One stroke of a category, in a unit square with y downwards, drawn from an age on."""

    stroke: Points
    from_age: float = 2


@dataclass(frozen=True)
class Hand:
    """How a child of some age draws: shares of the sheet, and the chance to leave a part out."""

    tremor: float
    misplacement: float
    overshoot: float
    omission: float

    @classmethod
    def of_age(cls, age_years: float) -> "Hand":
        """Unsteady at 3, fairly steady at 10."""
        young = float(np.clip((10 - age_years) / 7, 0, 1.2))
        return cls(0.003 + 0.012 * young, 0.004 + 0.035 * young, 0.06 * young, 0.12 * young)


def line(*corners: tuple[float, float]) -> Points:
    """Straight from corner to corner."""
    return np.array(corners, float)


def oval(
    x: float, y: float, width: float, height: float, start: float = 0, end: float = 1
) -> Points:
    """Round ``(x, y)``, or its piece between two shares of a turn, clockwise from the right."""
    turn = 2 * np.pi * np.linspace(start, end, 25)
    return np.stack([x + width / 2 * np.cos(turn), y + height / 2 * np.sin(turn)], -1)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Four sides."""
    return line((left, top), (right, top), (right, bottom), (left, bottom), (left, top))


def _house() -> list[Part]:
    return [
        Part(box(0.2, 0.45, 0.8, 0.9)),
        Part(line((0.15, 0.46), (0.5, 0.12), (0.85, 0.46))),
        Part(box(0.43, 0.65, 0.58, 0.9), 3),
        Part(box(0.26, 0.53, 0.38, 0.64), 4),
        Part(box(0.63, 0.53, 0.75, 0.64), 5),
        Part(line((0.65, 0.24), (0.65, 0.12), (0.73, 0.12), (0.73, 0.32)), 6),
        Part(line((0.32, 0.53), (0.32, 0.64)), 7),
    ]


def _face(x: float, y: float, size: float) -> list[Part]:
    return [
        Part(oval(x, y, size, size)),
        Part(oval(x - size / 5, y - size / 8, size / 9, size / 9)),
        Part(oval(x + size / 5, y - size / 8, size / 9, size / 9)),
        Part(oval(x, y + size / 10, size / 2, size / 3, 0.05, 0.45), 3),
    ]


def _cat() -> list[Part]:
    return [
        *_face(0.5, 0.36, 0.42),
        Part(line((0.32, 0.25), (0.33, 0.04), (0.45, 0.16))),
        Part(line((0.55, 0.16), (0.67, 0.04), (0.68, 0.25))),
        Part(oval(0.5, 0.75, 0.4, 0.36), 3),
        Part(line((0.3, 0.38), (0.12, 0.34)), 5),
        Part(line((0.3, 0.42), (0.12, 0.45)), 5),
        Part(line((0.7, 0.38), (0.88, 0.34)), 5),
        Part(line((0.7, 0.42), (0.88, 0.45)), 5),
        Part(oval(0.78, 0.72, 0.3, 0.4, 0.75, 1.2), 4),
        Part(line((0.4, 0.9), (0.4, 0.98)), 4),
        Part(line((0.6, 0.9), (0.6, 0.98)), 4),
    ]


def _rabbit() -> list[Part]:
    return [
        *_face(0.5, 0.48, 0.36),
        Part(oval(0.41, 0.17, 0.1, 0.32)),
        Part(oval(0.59, 0.17, 0.1, 0.32)),
        Part(oval(0.5, 0.8, 0.4, 0.34), 3),
        Part(oval(0.4, 0.97, 0.14, 0.06), 5),
        Part(oval(0.6, 0.97, 0.14, 0.06), 5),
        Part(oval(0.72, 0.86, 0.1, 0.1), 6),
        Part(line((0.42, 0.52), (0.28, 0.5)), 7),
        Part(line((0.58, 0.52), (0.72, 0.5)), 7),
    ]


def _bear() -> list[Part]:
    return [
        *_face(0.5, 0.34, 0.4),
        Part(oval(0.33, 0.16, 0.15, 0.15)),
        Part(oval(0.67, 0.16, 0.15, 0.15)),
        Part(oval(0.5, 0.74, 0.46, 0.44), 3),
        Part(oval(0.25, 0.68, 0.14, 0.24), 4),
        Part(oval(0.75, 0.68, 0.14, 0.24), 4),
        Part(oval(0.38, 0.95, 0.18, 0.1), 4),
        Part(oval(0.62, 0.95, 0.18, 0.1), 4),
        Part(oval(0.5, 0.38, 0.07, 0.05), 6),
    ]


def _fish() -> list[Part]:
    return [
        Part(oval(0.42, 0.5, 0.6, 0.36)),
        Part(line((0.7, 0.5), (0.95, 0.32), (0.95, 0.68), (0.7, 0.5))),
        Part(oval(0.25, 0.45, 0.05, 0.05)),
        Part(oval(0.16, 0.54, 0.1, 0.08, 0, 0.4), 4),
        Part(line((0.4, 0.32), (0.5, 0.2), (0.56, 0.33)), 5),
        Part(oval(0.44, 0.5, 0.1, 0.2, 0.75, 1.25), 6),
        Part(oval(0.54, 0.5, 0.1, 0.2, 0.75, 1.25), 7),
    ]


def _tree() -> list[Part]:
    return [
        Part(line((0.44, 0.6), (0.43, 0.95))),
        Part(line((0.57, 0.6), (0.58, 0.95))),
        Part(oval(0.5, 0.36, 0.62, 0.52)),
        Part(oval(0.4, 0.3, 0.07, 0.07), 5),
        Part(oval(0.6, 0.42, 0.07, 0.07), 5),
        Part(line((0.25, 0.95), (0.75, 0.95)), 4),
        Part(line((0.5, 0.6), (0.42, 0.45)), 7),
    ]


def _car() -> list[Part]:
    return [
        Part(
            line(
                (0.08, 0.68),
                (0.08, 0.5),
                (0.28, 0.48),
                (0.38, 0.3),
                (0.66, 0.3),
                (0.76, 0.48),
                (0.94, 0.52),
                (0.94, 0.68),
                (0.08, 0.68),
            )
        ),
        Part(oval(0.28, 0.7, 0.18, 0.18)),
        Part(oval(0.74, 0.7, 0.18, 0.18)),
        Part(line((0.35, 0.47), (0.42, 0.35), (0.5, 0.35), (0.5, 0.47), (0.35, 0.47)), 4),
        Part(line((0.54, 0.47), (0.54, 0.35), (0.63, 0.35), (0.68, 0.47), (0.54, 0.47)), 5),
        Part(oval(0.28, 0.7, 0.07, 0.07), 6),
        Part(oval(0.74, 0.7, 0.07, 0.07), 6),
    ]


def _cup() -> list[Part]:
    return [
        Part(line((0.25, 0.3), (0.3, 0.82), (0.64, 0.82), (0.69, 0.3))),
        Part(oval(0.47, 0.3, 0.44, 0.1)),
        Part(oval(0.68, 0.52, 0.3, 0.3, 0.78, 1.24)),
        Part(oval(0.67, 0.52, 0.18, 0.18, 0.78, 1.22), 6),
    ]


def _bird() -> list[Part]:
    return [
        Part(oval(0.5, 0.58, 0.48, 0.32)),
        Part(oval(0.26, 0.38, 0.22, 0.22)),
        Part(line((0.16, 0.36), (0.03, 0.4), (0.16, 0.43))),
        Part(oval(0.24, 0.35, 0.03, 0.03)),
        Part(line((0.73, 0.55), (0.94, 0.44), (0.92, 0.62), (0.73, 0.62)), 4),
        Part(line((0.45, 0.74), (0.45, 0.9)), 3),
        Part(line((0.56, 0.74), (0.56, 0.9)), 3),
        Part(oval(0.52, 0.56, 0.26, 0.18, 0, 0.5), 5),
    ]


_PARTS: dict[str, Callable[[], list[Part]]] = {
    "bear": _bear,
    "bird": _bird,
    "car": _car,
    "cat": _cat,
    "cup": _cup,
    "fish": _fish,
    "house": _house,
    "rabbit": _rabbit,
    "tree": _tree,
}
CATEGORIES = tuple(_PARTS)


def draw(category: str, age_years: float, seed: int) -> Image.Image:
    """Draw a category as at an age: grey, ``SIDE`` pixels square, black on white."""
    if category not in _PARTS:
        raise ValueError(f"{category} is not among {', '.join(CATEGORIES)}")
    rng = np.random.default_rng(seed)
    hand = Hand.of_age(age_years)
    parts = [p for p in _PARTS[category]() if p.from_age <= age_years]
    kept = [p for p in parts if p.from_age == 2 or rng.random() > hand.omission]
    scale, x, y = rng.uniform(0.5, 0.85), rng.uniform(0, 1), rng.uniform(0, 1)
    place = np.array([x, y]) * (0.94 - scale) + 0.03
    return render([_by_hand(p.stroke, hand, rng) * scale + place for p in kept])


def render(strokes: list[Points]) -> Image.Image:
    """Draw strokes in sheet coordinates 0–1 with a round pen."""
    large = Image.new("L", (SIDE * _FINER, SIDE * _FINER), 255)
    pen = ImageDraw.Draw(large)
    for stroke in strokes:
        corners = [(float(x), float(y)) for x, y in stroke * SIDE * _FINER]
        pen.line(corners, fill=0, width=PEN * _FINER, joint="curve")
        for x, y in (corners[0], corners[-1]):
            r = PEN * _FINER / 2
            pen.ellipse((x - r, y - r, x + r, y + r), fill=0)
    return large.resize((SIDE, SIDE), Image.Resampling.BOX)


def _by_hand(stroke: Points, hand: Hand, rng: Rng) -> Points:
    dense = _evenly(stroke)
    tremor = rng.normal(0, hand.tremor, dense.shape)
    wobble = _smoothed(
        np.cumsum(tremor, axis=0) - np.linspace(0, 1, len(dense))[:, None] * tremor.sum(0)
    )
    end = (dense[-1] - dense[-2]) / (np.linalg.norm(dense[-1] - dense[-2]) + 1e-9)
    beyond = dense[-1] + end * rng.uniform(-0.3, 1) * hand.overshoot
    shift, turn = rng.normal(0, hand.misplacement, 2), rng.normal(0, 2.5 * hand.misplacement)
    centre = dense.mean(0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    drawn = np.vstack([dense + wobble, beyond + wobble[-1]])
    return np.asarray(np.clip((drawn - centre) @ rotation.T + centre + shift, -0.04, 1.04))


def _evenly(stroke: Points, step: float = 0.02) -> Points:
    """Points at even distances along a stroke."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(stroke, axis=0), axis=1))])
    at = np.linspace(0, along[-1], max(3, int(along[-1] / step)))
    return np.stack([np.interp(at, along, stroke[:, i]) for i in (0, 1)], -1)


def _smoothed(values: Points) -> Points:
    padded = np.pad(values, ((2, 2), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, i], np.ones(5) / 5, "valid") for i in (0, 1)], -1)
