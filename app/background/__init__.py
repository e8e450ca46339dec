"""What is due without anybody asking, and the worker that does it."""
