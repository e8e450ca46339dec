"""Which part of the ink makes a drawing unusual: distances of its patches to usual patches.

The distance of each patch of the trunk's feature map to the nearest of a few thousand patches that
stand for the reference drawings (PatchCore: Roth et al. 2022, without its reweighting).
"""

import numpy as np

from app.scoring.norms import FloatArray


def patch_distances(patches: FloatArray, usual: FloatArray) -> FloatArray:
    """From ``patches`` (d, h, w) and ``usual`` (m, d), return (h, w) distances."""
    d, height, width = patches.shape
    x = patches.reshape(d, -1).T
    squared = (x**2).sum(1)[:, None] - 2 * x @ usual.T + (usual**2).sum(1)
    return np.asarray(np.sqrt(np.maximum(squared.min(1), 0)).reshape(height, width), np.float32)
