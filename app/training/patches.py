"""A few thousand patches that stand for those of all reference drawings."""

import numpy as np

from app.scoring.norms import FloatArray

USUAL_PATCHES = 2000
_SAMPLE = 40_000


def usual_patches(patches: tuple[FloatArray, ...], seed: int) -> FloatArray:
    """Cluster ``patches`` (each (n, d)) and return the centres (USUAL_PATCHES, d)."""
    from sklearn.cluster import MiniBatchKMeans

    rng = np.random.default_rng(seed)
    every = np.concatenate(patches)
    sample = every[rng.permutation(len(every))[:_SAMPLE]]
    centres = min(USUAL_PATCHES, len(sample) // 4)
    model = MiniBatchKMeans(centres, random_state=seed, n_init=1, batch_size=4096, max_iter=30)
    return np.asarray(model.fit(sample).cluster_centers_, np.float32)
