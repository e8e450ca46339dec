"""The mathematics of the answer: pure NumPy, no files, no pictures, no network."""
