"""The bundle on disk and its trunk; onnxruntime lives here alone."""
