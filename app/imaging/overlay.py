"""Patch contributions -> a grey map over the ink, aligned to the upright original."""

import numpy as np
from PIL import Image

from app.imaging.paper import Crop, FloatArray, Sheet

_FAINTEST = 0.12  # the least unusual ink still shows, so that the drawing can be recognised


def saliency_map(
    sheet: Sheet, crop: Crop, contributions: FloatArray, size: tuple[int, int]
) -> Image.Image:
    """Spread ``contributions`` (h, w) of the crop's patches over its ink; elsewhere it is black.

    Brightness is relative within one drawing: the part of the ink that contributes most is white.
    """
    square = Image.fromarray(contributions).resize((crop.side, crop.side), Image.Resampling.BICUBIC)
    field = Image.new("F", (sheet.ink.shape[1], sheet.ink.shape[0]))
    field.paste(square, (crop.left, crop.top))
    values = np.asarray(field, np.float32)
    low, high = np.percentile(values[sheet.marked], (2, 98))
    relative = np.clip((values - low) / max(float(high - low), 1e-6), 0, 1)
    light = sheet.ink * (_FAINTEST + (1 - _FAINTEST) * relative)
    return Image.fromarray((light * 255).round().astype(np.uint8)).resize(
        size, Image.Resampling.BILINEAR
    )
