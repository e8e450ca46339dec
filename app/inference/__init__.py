"""Bytes in, analysis out: the bundle, its trunk and the features; onnxruntime lives here alone."""
