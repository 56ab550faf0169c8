"""The flush: of one counter, of all of them, and the end of a buffer."""

from .all_counters import flush_all

__all__ = ["flush_all"]
