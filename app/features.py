"""One upright picture -> its features: imaging and the trunk, joined.

Training and analysis both go through here, so that what is calibrated is what is served.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.imaging.marks import domain_measures, mark_statistics
from app.imaging.paper import Crop, Sheet, crop_to_ink, find_ink
from app.inference.trunk import Trunk
from app.scoring.assess import pooled
from app.scoring.norms import FloatArray


@dataclass(frozen=True, eq=False)
class Inked:
    """A picture's ink, the trunk's feature map (112, 8, 8) of it, and the features of both."""

    sheet: Sheet
    crop: Crop
    patches: FloatArray
    features: FloatArray
    domain_measures: FloatArray


def extract(trunk: Trunk, picture: Image.Image) -> Inked | None:
    """Measure one picture; ``None`` where there is no ink."""
    sheet = find_ink(picture)
    crop = crop_to_ink(sheet)
    if crop is None:
        return None
    patches = trunk.patches(crop.ink)
    features = np.concatenate([pooled(patches), mark_statistics(sheet, crop)])
    return Inked(sheet, crop, patches, features, domain_measures(sheet, crop))
