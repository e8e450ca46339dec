"""Child-like drawings by a program, because no child's drawing is ever published.

A category is a list of strokes, each with the age from which children tend to draw it; a ``Hand``
says how shaky and how careless its owner is at an age. The same arguments give the same pixels.
``DEMO_SAMPLES`` are those of the public demonstration, some of them with a twist.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

SIDE = 300  # px
PEN = 4  # px
_FINER = 3  # drawn larger, then reduced: smooth edges

Points = NDArray[np.floating]
Rng = np.random.Generator


@dataclass(frozen=True)
class Stroke:
    """One stroke of a category, in a unit square with y downwards, drawn from an age on."""

    points: Points
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


def _house() -> list[Stroke]:
    return [
        Stroke(box(0.2, 0.45, 0.8, 0.9)),
        Stroke(line((0.15, 0.46), (0.5, 0.12), (0.85, 0.46))),
        Stroke(box(0.43, 0.65, 0.58, 0.9), 3),
        Stroke(box(0.26, 0.53, 0.38, 0.64), 4),
        Stroke(box(0.63, 0.53, 0.75, 0.64), 5),
        Stroke(line((0.65, 0.24), (0.65, 0.12), (0.73, 0.12), (0.73, 0.32)), 6),
        Stroke(line((0.32, 0.53), (0.32, 0.64)), 7),
    ]


def _face(x: float, y: float, size: float) -> list[Stroke]:
    return [
        Stroke(oval(x, y, size, size)),
        Stroke(oval(x - size / 5, y - size / 8, size / 9, size / 9)),
        Stroke(oval(x + size / 5, y - size / 8, size / 9, size / 9)),
        Stroke(oval(x, y + size / 10, size / 2, size / 3, 0.05, 0.45), 3),
    ]


def _cat() -> list[Stroke]:
    return [
        *_face(0.5, 0.36, 0.42),
        Stroke(line((0.32, 0.25), (0.33, 0.04), (0.45, 0.16))),
        Stroke(line((0.55, 0.16), (0.67, 0.04), (0.68, 0.25))),
        Stroke(oval(0.5, 0.75, 0.4, 0.36), 3),
        Stroke(line((0.3, 0.38), (0.12, 0.34)), 5),
        Stroke(line((0.3, 0.42), (0.12, 0.45)), 5),
        Stroke(line((0.7, 0.38), (0.88, 0.34)), 5),
        Stroke(line((0.7, 0.42), (0.88, 0.45)), 5),
        Stroke(oval(0.78, 0.72, 0.3, 0.4, 0.75, 1.2), 4),
        Stroke(line((0.4, 0.9), (0.4, 0.98)), 4),
        Stroke(line((0.6, 0.9), (0.6, 0.98)), 4),
    ]


def _rabbit() -> list[Stroke]:
    return [
        *_face(0.5, 0.48, 0.36),
        Stroke(oval(0.41, 0.17, 0.1, 0.32)),
        Stroke(oval(0.59, 0.17, 0.1, 0.32)),
        Stroke(oval(0.5, 0.8, 0.4, 0.34), 3),
        Stroke(oval(0.4, 0.97, 0.14, 0.06), 5),
        Stroke(oval(0.6, 0.97, 0.14, 0.06), 5),
        Stroke(oval(0.72, 0.86, 0.1, 0.1), 6),
        Stroke(line((0.42, 0.52), (0.28, 0.5)), 7),
        Stroke(line((0.58, 0.52), (0.72, 0.5)), 7),
    ]


def _bear() -> list[Stroke]:
    return [
        *_face(0.5, 0.34, 0.4),
        Stroke(oval(0.33, 0.16, 0.15, 0.15)),
        Stroke(oval(0.67, 0.16, 0.15, 0.15)),
        Stroke(oval(0.5, 0.74, 0.46, 0.44), 3),
        Stroke(oval(0.25, 0.68, 0.14, 0.24), 4),
        Stroke(oval(0.75, 0.68, 0.14, 0.24), 4),
        Stroke(oval(0.38, 0.95, 0.18, 0.1), 4),
        Stroke(oval(0.62, 0.95, 0.18, 0.1), 4),
        Stroke(oval(0.5, 0.38, 0.07, 0.05), 6),
    ]


def _fish() -> list[Stroke]:
    return [
        Stroke(oval(0.42, 0.5, 0.6, 0.36)),
        Stroke(line((0.7, 0.5), (0.95, 0.32), (0.95, 0.68), (0.7, 0.5))),
        Stroke(oval(0.25, 0.45, 0.05, 0.05)),
        Stroke(oval(0.16, 0.54, 0.1, 0.08, 0, 0.4), 4),
        Stroke(line((0.4, 0.32), (0.5, 0.2), (0.56, 0.33)), 5),
        Stroke(oval(0.44, 0.5, 0.1, 0.2, 0.75, 1.25), 6),
        Stroke(oval(0.54, 0.5, 0.1, 0.2, 0.75, 1.25), 7),
    ]


def _tree() -> list[Stroke]:
    return [
        Stroke(line((0.44, 0.6), (0.43, 0.95))),
        Stroke(line((0.57, 0.6), (0.58, 0.95))),
        Stroke(oval(0.5, 0.36, 0.62, 0.52)),
        Stroke(oval(0.4, 0.3, 0.07, 0.07), 5),
        Stroke(oval(0.6, 0.42, 0.07, 0.07), 5),
        Stroke(line((0.25, 0.95), (0.75, 0.95)), 4),
        Stroke(line((0.5, 0.6), (0.42, 0.45)), 7),
    ]


def _car() -> list[Stroke]:
    return [
        Stroke(
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
        Stroke(oval(0.28, 0.7, 0.18, 0.18)),
        Stroke(oval(0.74, 0.7, 0.18, 0.18)),
        Stroke(line((0.35, 0.47), (0.42, 0.35), (0.5, 0.35), (0.5, 0.47), (0.35, 0.47)), 4),
        Stroke(line((0.54, 0.47), (0.54, 0.35), (0.63, 0.35), (0.68, 0.47), (0.54, 0.47)), 5),
        Stroke(oval(0.28, 0.7, 0.07, 0.07), 6),
        Stroke(oval(0.74, 0.7, 0.07, 0.07), 6),
    ]


def _cup() -> list[Stroke]:
    return [
        Stroke(line((0.25, 0.3), (0.3, 0.82), (0.64, 0.82), (0.69, 0.3))),
        Stroke(oval(0.47, 0.3, 0.44, 0.1)),
        Stroke(oval(0.68, 0.52, 0.3, 0.3, 0.78, 1.24)),
        Stroke(oval(0.67, 0.52, 0.18, 0.18, 0.78, 1.22), 6),
    ]


def _bird() -> list[Stroke]:
    return [
        Stroke(oval(0.5, 0.58, 0.48, 0.32)),
        Stroke(oval(0.26, 0.38, 0.22, 0.22)),
        Stroke(line((0.16, 0.36), (0.03, 0.4), (0.16, 0.43))),
        Stroke(oval(0.24, 0.35, 0.03, 0.03)),
        Stroke(line((0.73, 0.55), (0.94, 0.44), (0.92, 0.62), (0.73, 0.62)), 4),
        Stroke(line((0.45, 0.74), (0.45, 0.9)), 3),
        Stroke(line((0.56, 0.74), (0.56, 0.9)), 3),
        Stroke(oval(0.52, 0.56, 0.26, 0.18, 0, 0.5), 5),
    ]


_STROKES: dict[str, Callable[[], list[Stroke]]] = {
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
CATEGORIES = tuple(_STROKES)


def draw(category: str, age_years: float, seed: int) -> Image.Image:
    """Draw a category as at an age: grey, ``SIDE`` pixels square, black on white."""
    return render(strokes_of(category, age_years, seed))


def strokes_of(category: str, age_years: float, seed: int) -> list[Points]:
    """The same by its strokes, in sheet coordinates 0–1."""
    if category not in _STROKES:
        raise ValueError(f"{category} is not among {', '.join(CATEGORIES)}")
    rng = np.random.default_rng(seed)
    hand = Hand.of_age(age_years)
    strokes = [s for s in _STROKES[category]() if s.from_age <= age_years]
    kept = [s for s in strokes if s.from_age == 2 or rng.random() > hand.omission]
    scale, x, y = rng.uniform(0.5, 0.85), rng.uniform(0, 1), rng.uniform(0, 1)
    place = np.array([x, y]) * (0.94 - scale) + 0.03
    return [_by_hand(s.points, hand, rng) * scale + place for s in kept]


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


def as_png(picture: Image.Image) -> bytes:
    """Encode a drawing."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


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


@dataclass(frozen=True)
class SyntheticSample:
    """One drawing of the demonstration; ``category`` is what it is said to show."""

    slug: str
    title: str
    description: str
    category: str
    age_years: float
    seed: int
    drawn: str | None = None
    twist: str | None = None


def draw_sample(sample: SyntheticSample) -> bytes:
    """Draw a sample of the demonstration, as PNG."""
    picture = draw(sample.drawn or sample.category, sample.age_years, sample.seed)
    if sample.twist:
        picture = _TWISTS[sample.twist](picture)
    return as_png(picture)


def _half_missing(picture: Image.Image) -> Image.Image:
    left, top, right, bottom = ImageChops.invert(picture).getbbox() or (0, 0, *picture.size)
    changed = picture.copy()
    changed.paste(255, ((left + right) // 2, top, right, bottom))
    return changed


def _upside_down(picture: Image.Image) -> Image.Image:
    return picture.transpose(Image.Transpose.ROTATE_180)


def _scribbled_over(picture: Image.Image) -> Image.Image:
    rng = np.random.default_rng(7)
    walk = np.cumsum(np.cumsum(rng.normal(0, 1, (260, 2)), axis=0) * 0.97, axis=0)
    low, high = walk.min(0), walk.max(0)
    turns = np.stack([np.sin(np.linspace(0, 60, 260)), np.cos(np.linspace(0, 43, 260))], -1)
    path = 0.5 + 0.3 * ((walk - low) / (high - low) - 0.5) + 0.3 * turns
    return ImageChops.darker(picture, render([path]))


_TWISTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half missing": _half_missing,
    "scribbled over": _scribbled_over,
    "upside down": _upside_down,
}

DEMO_SAMPLES = (
    SyntheticSample("rabbit-6", "A rabbit, age 6", "Meant as a rabbit.", "rabbit", 6.2, 11),
    SyntheticSample("house-5", "A house, age 5", "Meant as a house.", "house", 5.4, 3),
    SyntheticSample("cat-4", "A cat, age 4", "Meant as a cat, in an unsteady hand.", "cat", 4.3, 5),
    SyntheticSample("fish-7", "A fish, age 7", "Meant as a fish.", "fish", 7.5, 8),
    SyntheticSample("cup-8", "A cup, age 8", "Meant as a cup.", "cup", 8.1, 2),
    SyntheticSample("tree-6", "A tree, age 6", "Meant as a tree.", "tree", 6.8, 4),
    SyntheticSample("bear-5", "A bear, age 5", "Meant as a bear.", "bear", 5.9, 6),
    SyntheticSample("bird-7", "A bird, age 7", "Meant as a bird.", "bird", 7.2, 9),
    SyntheticSample(
        "fish-named-rabbit", "A fish named a rabbit, age 6",
        "The picture is of something else than its name says.", "rabbit", 6.5, 12, drawn="fish",
    ),
    SyntheticSample(
        "bear-half", "Half a bear, age 7", "The right half was wiped away.", "bear", 7.1, 14,
        twist="half missing",
    ),
    SyntheticSample(
        "cup-upside-down", "A cup upside down, age 5",
        "The sheet was turned around.", "cup", 5.2, 15,
        twist="upside down",
    ),
    SyntheticSample(
        "cat-scribbled", "A scribbled-over cat, age 8", "Someone scribbled across it.", "cat", 8.4,
        16, twist="scribbled over",
    ),
)  # fmt: skip
