"""One upright picture -> its features: what the trunk sees in its ink, and its marks.

The trunk is EfficientNet-Lite0 cut after its fifth stage, with heads of our own, as ONNX. Training
and analysis both go through here, so that what is calibrated is what is served.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from app.imaging.marks import domain_measures, mark_statistics
from app.imaging.paper import Crop, Sheet, crop_to_ink, find_ink
from app.scoring.assess import DrawingFeatures, pooled
from app.scoring.norms import FloatArray

OUTPUTS = ("patches", "embedding", "turns", "kind", "foreign")


@dataclass(frozen=True, eq=False)
class Seen:
    """What the trunk makes of one crop.

    ``patches`` is its feature map (112, 8, 8), ``embedding`` (256,); ``turns`` (4,) and ``kind``
    (5,) are logits of the quarter turns and of the damage it was taught on drawings without ages;
    ``foreign`` (16, 16) are logits that a cell's ink belongs to another drawing.
    """

    patches: FloatArray
    embedding: FloatArray
    turns: FloatArray
    kind: FloatArray
    foreign: FloatArray


class Trunk:
    """Ink, (128, 128) in 0–1 with ink = 1, to what is seen in it.

    One thread: a quarter of a core gains nothing from more, and the memory arena is off so that
    resident memory stays flat between drawings.
    """

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._runtime = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def see(self, ink: FloatArray) -> Seen:
        """Look at one crop."""
        outputs = self._runtime.run(list(OUTPUTS), {"ink": np.asarray(ink[None, None], np.float32)})
        return Seen(*(np.asarray(output[0], np.float32) for output in outputs))


@dataclass(frozen=True, eq=False)
class Inked:
    """A picture's ink, what the trunk sees in it, and the features of both.

    The deep features come first: the pooled feature map, the embedding and the logits of turns and
    damage; the statistics of the marks follow.
    """

    sheet: Sheet
    crop: Crop
    seen: Seen
    features: FloatArray

    @property
    def domain_measures(self) -> FloatArray:
        """What the picture is like, whatever it shows."""
        return domain_measures(self.sheet, self.crop)

    @property
    def drawing(self) -> DrawingFeatures:
        """What the norms assess."""
        return DrawingFeatures(self.features, self.domain_measures)


def extract(trunk: Trunk, picture: Image.Image) -> Inked | None:
    """Measure one picture; ``None`` if there is no ink."""
    return measure(trunk, find_ink(picture))


def measure(trunk: Trunk, sheet: Sheet) -> Inked | None:
    """Measure a sheet whose ink is known."""
    crop = crop_to_ink(sheet)
    if crop is None:
        return None
    seen = trunk.see(crop.ink)
    return Inked(sheet, crop, seen, joined(seen, mark_statistics(sheet, crop)))


def joined(seen: Seen, marks: FloatArray) -> FloatArray:
    """Put the deep features before the statistics of the marks, (d,)."""
    deep = (pooled(seen.patches), seen.embedding, seen.turns, seen.kind)
    return np.concatenate([*deep, marks]).astype(np.float32)
