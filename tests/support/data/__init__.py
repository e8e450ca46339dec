"""Drawings, bundles and answers to test with."""
