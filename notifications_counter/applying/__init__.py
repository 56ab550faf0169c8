"""Applying pending deltas to the count model: a chunk and its progress in one transaction."""
