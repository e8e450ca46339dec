"""Databases and blob stores, real ones and doubles, and those who write them."""
