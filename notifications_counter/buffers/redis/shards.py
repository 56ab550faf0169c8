"""The shards of a counter: what the names of their keys in Redis begin with, and which key is in which."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

from ...ledger.progress import Layout
from ...ledger.snapshot import in_parts
from ...ledger.store import CounterStore

#: Keys a call of a script that writes: 10,000 would block the server for 70 to 130 ms.
KEYS_A_CALL = 1000


class Shards:
    """The shards of all counters of a buffer."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def base(self, store: CounterStore, shard: int) -> str:
        """What the names of a shard's keys begin with; the braces keep them on one node of a cluster.

        Short, because every cached value has it in its name.
        """
        return f"{self.layout.prefix}:{{{store.digest}/{shard}}}"

    def of(self, key: str) -> int:
        """The shard of a key."""
        return zlib.crc32(key.encode()) % self.layout.shards if self.layout.shards > 1 else 0

    def split(self, keys: Iterable[str], length: int = KEYS_A_CALL) -> Iterable[tuple[int, Sequence[str]]]:
        """Keys by shard, in parts that one call may take."""
        for shard, members in sorted(self._members(keys).items()):
            for part in in_parts(members, length):
                yield shard, part

    def _members(self, keys: Iterable[str]) -> dict[int, list[str]]:
        if self.layout.shards == 1:
            return {0: list(keys)}
        shards: dict[int, list[str]] = {}
        for key in keys:
            shards.setdefault(self.of(key), []).append(key)
        return shards
