"""The saliency map: which part of the ink does not seem to belong to the drawing."""

import numpy as np
from PIL import Image

from app.imaging.paper import Crop, FloatArray, Sheet

_FAINTEST = 0.12  # the least unusual ink still shows, so that the drawing can be recognised


def saliency_map(
    sheet: Sheet, crop: Crop, shares: FloatArray, size: tuple[int, int]
) -> Image.Image:
    """Spread the ``shares`` (h, w) of foreign ink over the crop's ink; elsewhere it is black.

    Grey, ``size`` (width, height) in pixels, aligned to the upright original. Brightness is
    relative within one drawing: the ink that seems least to belong is white.
    """
    square = Image.fromarray(shares).resize((crop.side, crop.side), Image.Resampling.BICUBIC)
    height, width = sheet.ink.shape
    top, left = max(crop.top, 0), max(crop.left, 0)
    bottom, right = min(crop.top + crop.side, height), min(crop.left + crop.side, width)
    here = slice(top, bottom), slice(left, right)
    on_sheet = (left - crop.left, top - crop.top, right - crop.left, bottom - crop.top)
    values = np.asarray(square.crop(on_sheet))
    low, high = np.percentile(values[sheet.marked[here]], (2, 100))
    relative = np.clip((values - low) / max(float(high - low), 1e-6), 0, 1)
    light = np.zeros((height, width), np.uint8)
    light[here] = sheet.ink[here] * (_FAINTEST + (1 - _FAINTEST) * relative) * 255 + 0.5
    return Image.fromarray(light).resize(size, Image.Resampling.BILINEAR)


def foreign_shares(logits: FloatArray) -> FloatArray:
    """From the trunk's logits (h, w) the share of each cell's ink that it takes for foreign."""
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
