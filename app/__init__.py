"""Sketchnorm: how unusual a child's drawing is among drawings by children of the same age.

What has to be done before anything else is imported is done, or offered, here.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

__version__ = "0.1.0"

# Since its release 1.29 onnxruntime reports sessions and an id of the device to its maker, unless
# told not to before it is first imported. Nothing about drawings, or about who runs us, leaves.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage while a process starts, and afterwards none of what the start made.

    Modules, classes, routes and norms stay, and yet the collector would look through all of them
    several times, a tenth of the whole start.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
