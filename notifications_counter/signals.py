"""The signals that flushes and prunes send."""

from django.dispatch import Signal

#: Sent after each flush of one counter, with ``counter``, ``using`` (the database alias) and ``flushed`` (what it did).
flushed = Signal()

#: Sent once at the end of a flush of several counters, whatever has started it, with ``using`` (the database alias that
#: it was told; None for each counter's own) and ``stop`` (what it was told to ask between chunks; None for nothing).
flush_ended = Signal()

#: Sent for each chunk of a prune, with the model of the notifications as its sender, ``using`` (the database alias) and
#: ``pks`` (the primary keys of what is gone), in the transaction that deletes them: what a receiver raises undoes it.
pruned = Signal()

#: Sent at the end of a prune that was not stopped and no dry run, with the model of the notifications as its sender,
#: ``using`` (the database alias) and ``stop`` (what it was told to ask before each chunk; None for nothing).
prune_ended = Signal()
