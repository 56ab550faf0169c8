"""The shards of a counter: what the names of their keys in Redis begin with, and which key is in which."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

from ...declaration.key_text import split_group
from ...ledger.progress import Layout
from ...ledger.snapshot import in_parts
from ...ledger.store import CounterStore
from .scripts import Base

#: Keys a call of a script that writes: 10,000 would block the server for 70 to 130 ms.
KEYS_A_CALL = 1000


class Shards:
    """The shards of all counters of a buffer."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._bases: dict[tuple[CounterStore, str | None, int], Base] = {}

    def base(self, store: CounterStore, shard: int) -> Base:
        """What the names of a shard's keys begin with; the braces keep them on one node of a cluster.

        Short, because every cached value has it in its name.

        Raises:
            UnknownDatabase: nothing in Redis is known to belong to the database.
        """
        return self.base_on(store.database_id, store, shard)

    def base_on(self, database_id: str | None, store: CounterStore, shard: int) -> Base:
        """The same on a database whose id is known."""
        return self._bases.get((store, database_id, shard)) or self._make_base(store, database_id, shard)

    def _make_base(self, store: CounterStore, database_id: str | None, shard: int) -> Base:
        base = Base(f"{self.layout.prefix}:{{{store.digest_on(database_id)}/{shard}}}")
        base.has_groups = store.has_groups
        return self._bases.setdefault((store, database_id, shard), base)

    def of(self, store: CounterStore, key: str) -> int:
        """The shard of a key; all keys of a group have the same."""
        if self.layout.shards == 1:
            return 0
        return self.of_group(split_group(key)[0] if store.has_groups else key)

    def of_group(self, group: str) -> int:
        """The shard of a group of composite keys."""
        return zlib.crc32(group.encode()) % self.layout.shards

    def split(
        self, store: CounterStore, keys: Iterable[str], length: int = KEYS_A_CALL
    ) -> Iterable[tuple[int, Sequence[str]]]:
        """Keys by shard, in parts that one call may take."""
        every = list(keys)
        if len(every) == 1:  # as most often
            return [(self.of(store, every[0]), every)]
        members: dict[int, list[str]] = {}
        if self.layout.shards == 1:
            members[0] = every
        else:
            for key in every:
                members.setdefault(self.of(store, key), []).append(key)
        return [(shard, part) for shard in sorted(members) for part in in_parts(members[shard], length)]
