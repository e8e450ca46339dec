"""Reference drawings -> features, one after the other, with a progress bar."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from rich.progress import track

from app.features import Inked, extract
from app.imaging import intake
from app.imaging.paper import INK
from app.inference.trunk import Trunk
from app.scoring.assess import gate_features
from app.scoring.norms import FloatArray
from app.training.dataset import ReferenceDrawing
from app.training.fit import References


@dataclass(frozen=True, eq=False)
class Embedded:
    """Features (n, d) of the drawings that have ink, their domain measures and ink patches."""

    drawings: tuple[ReferenceDrawing, ...]
    features: FloatArray
    domain: FloatArray
    patches: tuple[FloatArray, ...]

    @property
    def gate(self) -> FloatArray:
        """What the gate sees, (n, g)."""
        return np.stack(
            [gate_features(x, m) for x, m in zip(self.features, self.domain, strict=True)]
        )

    def references(self, categories: tuple[str, ...], deep: int) -> References:
        """Return the drawings as arrays."""
        place = {name: i for i, name in enumerate(categories)}
        children = {c: i for i, c in enumerate(dict.fromkeys(d.child for d in self.drawings))}
        return References(
            self.features,
            deep,
            np.array([d.age_years for d in self.drawings], np.float32),
            np.array([place.get(d.category or "", -1) for d in self.drawings], np.int32),
            np.array([children[d.child] for d in self.drawings], np.int32),
            categories,
        )


def embed(trunk: Trunk, drawings: Sequence[ReferenceDrawing], what: str) -> Embedded:
    """Read and measure every drawing; those without ink are left out."""
    measured = [
        (drawing, inked)
        for drawing in track(drawings, what)
        if (inked := extract(trunk, intake.read(drawing.path.read_bytes())))
    ]
    return Embedded(
        tuple(drawing for drawing, _ in measured),
        np.stack([inked.features for _, inked in measured]),
        np.stack([inked.domain_measures for _, inked in measured]),
        tuple(inked_patches(inked) for _, inked in measured),
    )


def gate_rows(trunk: Trunk, pictures: Iterable[Image.Image], what: str) -> FloatArray:
    """Return what the gate sees of pictures, leaving out those without any ink."""
    inked = [extract(trunk, picture.convert("RGB")) for picture in track(list(pictures), what)]
    return np.stack([gate_features(i.features, i.domain_measures) for i in inked if i])


def inked_patches(inked: Inked) -> FloatArray:
    """Return the feature map's patches (n, d) that lie over ink."""
    d, height, width = inked.patches.shape
    rows, columns = inked.crop.ink.shape
    cells = inked.crop.ink.reshape(height, rows // height, width, columns // width)
    return np.asarray(inked.patches.reshape(d, -1).T[cells.max(axis=(1, 3)).ravel() > INK])
