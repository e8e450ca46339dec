"""The twelve drawings of the public demonstration: made by a program, some with a twist."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops

from app.imaging import synthetic


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


def as_png(sample: SyntheticSample) -> bytes:
    """Draw a sample."""
    picture = synthetic.draw(sample.drawn or sample.category, sample.age_years, sample.seed)
    if sample.twist:
        picture = _TWISTS[sample.twist](picture)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


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
    return ImageChops.darker(picture, synthetic.render([path]))


_TWISTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half missing": _half_missing,
    "scribbled over": _scribbled_over,
    "upside down": _upside_down,
}

DEMO_SAMPLES = (
    SyntheticSample("rabbit-6", "A rabbit, age 6", "Drawn as a rabbit.", "rabbit", 6.2, 11),
    SyntheticSample("house-5", "A house, age 5", "Drawn as a house.", "house", 5.4, 3),
    SyntheticSample("cat-4", "A cat, age 4", "Drawn as a cat, unsteadily.", "cat", 4.3, 5),
    SyntheticSample("fish-7", "A fish, age 7", "Drawn as a fish.", "fish", 7.5, 8),
    SyntheticSample("cup-8", "A cup, age 8", "Drawn as a cup.", "cup", 8.1, 2),
    SyntheticSample("tree-6", "A tree, age 6", "Drawn as a tree.", "tree", 6.8, 4),
    SyntheticSample("bear-5", "A bear, age 5", "Drawn as a bear.", "bear", 5.9, 6),
    SyntheticSample("bird-7", "A bird, age 7", "Drawn as a bird.", "bird", 7.2, 9),
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
        "The sheet was turned around; these norms hardly notice it.", "cup", 5.2, 15,
        twist="upside down",
    ),
    SyntheticSample(
        "cat-scribbled", "A scribbled-over cat, age 8", "Someone scribbled across it.", "cat", 8.4,
        16, twist="scribbled over",
    ),
)  # fmt: skip
