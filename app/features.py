"""One upright picture -> its features: imaging and the trunk, joined.

Training and analysis both go through here, so that what is calibrated is what is served.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.imaging.marks import domain_measures, mark_statistics
from app.imaging.paper import Crop, Sheet, crop_to_ink, find_ink
from app.inference.trunk import Seen, Trunk
from app.scoring.assess import pooled
from app.scoring.norms import FloatArray


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


def extract(trunk: Trunk, picture: Image.Image) -> Inked | None:
    """Measure one picture; ``None`` where there is no ink."""
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
