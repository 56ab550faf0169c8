"""The signal that flushes send."""

from django.dispatch import Signal

#: Sent after each flush of one counter, with ``counter``, ``using`` (the database alias) and ``flushed`` (what it did).
flushed = Signal()
