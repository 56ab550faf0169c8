"""The flush: the order of a run, and the end of a buffer."""
