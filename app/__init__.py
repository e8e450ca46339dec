"""Sketchnorm: how unusual a child's drawing is among drawings by children of the same age."""

__version__ = "0.1.0"
