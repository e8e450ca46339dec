"""Drawings with ages -> a bundle, and the report on what it can and cannot do.

Heavy libraries (scikit-learn, torch, onnx) are imported here alone; install the extra
``sketchnorm[train]``.
"""
