"""Bytes that nobody foresaw, given to what reads bytes: it answers, or refuses in a sentence."""
