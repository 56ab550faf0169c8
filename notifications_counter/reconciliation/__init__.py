"""Counting sources again: for keys, for all keys in slices, for all keys in turn."""
