"""The chunks of a batch, of which the next is read while one is being applied: a batch never changes."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from ..buffers.base import Buffer, Chunk
from ..ledger.store import CounterStore


class PrefetchedBatch(AbstractContextManager["PrefetchedBatch"]):
    """The chunks of one batch of a shard.

    Args:
        buffer: what holds the batch.
        store: the counter whose deltas they are.
        shard: of which the batch is.
        batch: its number.
        length: of a chunk.
    """

    def __init__(self, buffer: Buffer, store: CounterStore, shard: int, batch: int, length: int) -> None:
        self.batch = batch
        self._where = (buffer, store, shard, length)
        self._thread = ThreadPoolExecutor(1, "prefetch")  # which starts none before it is needed
        self._ahead: tuple[int, Future[Chunk]] | None = None

    def __exit__(self, *exc_info: Any) -> None:
        self._thread.shutdown(cancel_futures=True)

    def at(self, position: int) -> Chunk:
        """The chunk at a position."""
        ahead, self._ahead = self._ahead, None
        chunk = ahead[1].result() if ahead and ahead[0] == position else self._read(position)
        after = position + len(chunk.members)
        if chunk.batch == self.batch and position < after < chunk.size:
            self._ahead = after, self._thread.submit(self._read, after)
        return chunk

    def _read(self, position: int) -> Chunk:
        buffer, store, shard, length = self._where
        return buffer.read_chunk(store, shard, position, length)
