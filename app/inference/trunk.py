"""The trunk: EfficientNet-Lite0 cut after its fifth stage, with heads of our own, as ONNX."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

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
