"""Which part of the ink does not seem to belong to the drawing."""

import numpy as np

from app.scoring.norms import FloatArray


def foreign_shares(logits: FloatArray) -> FloatArray:
    """From the trunk's logits (h, w) return the share of each cell's ink it takes for foreign."""
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
