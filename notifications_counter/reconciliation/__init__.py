"""Counting sources again: for keys, for all keys in slices (the backfill), for all keys in turn (the audit)."""
