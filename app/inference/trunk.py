"""The trunk: EfficientNet-Lite0 cut after its fifth stage, as ONNX."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]


class Trunk:
    """Ink to feature map: (128, 128) in 0–1, ink = 1, to (112, 8, 8).

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

    def patches(self, ink: FloatArray) -> FloatArray:
        """Embed one crop."""
        (feature_map,) = self._runtime.run(None, {"ink": ink[None, None]})
        return np.asarray(feature_map[0], np.float32)
