"""Sketchnorm: how unusual a child's drawing is among drawings by children of the same age."""

import os

__version__ = "0.1.0"

# Since its release 1.29 onnxruntime reports sessions and an id of the device to its maker, unless
# told not to before it is first imported. Nothing about drawings, or about who runs us, leaves.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
