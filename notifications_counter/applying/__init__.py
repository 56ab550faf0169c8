"""Applying what is buffered: a chunk and its progress in one transaction."""
