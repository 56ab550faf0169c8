"""The Redis buffer: deltas are summed in sorted sets after the commit, and a read is one GET.

Every step is one script of ``scripts/``, whose keys and effects are described at its top.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from django.core.checks import CheckMessage
from django.db import Error as DatabaseError
from django.db import transaction

from ...compat.transactions import sends_after_commit
from ...conf import is_number
from ...exceptions import BufferUnavailable, CounterError, InvalidSettings
from ...ledger import progress
from ...ledger.progress import Layout
from ...ledger.snapshot import RecountResult, in_parts
from ...ledger.store import CounterStore
from .. import on_commit
from ..base import Buffer, Claim, ProgressSnapshot, Chunk
from ..status import Status
from . import asynchronous
from .checks import check_client
from .client import redis, source_of, text, unlink
from .read import KEYS_A_READ, Reader, numbers, total_names
from .read_group import GroupReader, cached_group, group_name
from .recount import Recounter
from .server import RedisServer
from .shards import Base, Shards
from .status import redis_status

#: How long a busy key stays frozen: long enough for the transactions that are under way to end.
FROZEN_SECONDS = 10

#: Where deltas wait.
BUFFERED = ("pending", "batch")


class RedisBuffer(Buffer):
    """Deltas wait in Redis or Valkey, summed per key. See "The Redis buffer" in the documentation for its options."""

    defaults: ClassVar[Mapping[str, Any]] = {
        **Buffer.defaults,
        "URL": None,
        "CACHE": None,
        "CLIENT": None,
        "ASYNC_CLIENT": None,
        "PREFIX": "nc",
        "SHARDS": 1,
        "INTENT_GRACE": 60,
        "MAX_TRANSACTION_AGE": 86_400,
        "CACHE_TTL": 3600,
        "TIMEOUT": 1,
        "DATABASE_ONLY": False,
    }

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        source_of(alias, self.options)
        self.server = RedisServer(alias, self.options)
        self._async_clients = asynchronous.AsyncClients(alias, self.options)
        self.grace = self.at_least("INTENT_GRACE", 1)
        self.longest = self.at_least("MAX_TRANSACTION_AGE", 1)
        self.cache_ttl = self.at_least("CACHE_TTL", 1)
        self.layout = Layout(self._prefix(), self.at_least("SHARDS", 1))
        self.shards = Shards(self.layout)
        self._check_timeout()
        self.database_only = self._yes_or_no("DATABASE_ONLY")
        self._known_open: set[CounterStore] = set()

    def _prefix(self) -> str:
        prefix = self.options["PREFIX"]
        if not isinstance(prefix, str) or not prefix or len(prefix) > 100 or set(prefix) & set("{}"):
            raise InvalidSettings(
                f"Buffer {self.alias!r}: PREFIX must be a text of 1 to 100 characters without braces, not {prefix!r}."
            )
        return prefix

    def _check_timeout(self) -> None:
        timeout = self.options["TIMEOUT"]
        if not (is_number(timeout) and timeout > 0):
            raise InvalidSettings(f"Buffer {self.alias!r}: TIMEOUT must be a number of seconds, not {timeout!r}.")

    def _yes_or_no(self, name: str) -> bool:
        value = self.options[name]
        if not isinstance(value, bool):
            raise InvalidSettings(f"Buffer {self.alias!r}: {name} must be True or False, not {value!r}.")
        return value

    def check(self) -> list[CheckMessage]:
        return check_client(self.alias, self.options)

    def close(self) -> None:
        self.server.close()

    # Moves between buffers

    def open(self, stored: CounterStore) -> None:
        with transaction.atomic(using=stored.using, durable=True):
            if progress.lock(stored.using, stored.label, 0).prefix:
                return
            for shard in range(self.layout.shards):
                row = progress.read(stored.using, stored.label, shard)
                self.server.run("open", self.shards.base(stored, shard), row.batch)
            self.clear_cache(stored)
            stored.set_layout(self.layout)

    def close_down(self, stored: CounterStore) -> None:
        for shard in range(self.layout.shards):
            self._unlink(f"{self.shards.base(stored, shard)}:guard:*")
        self.clear_cache(stored)

    def _is_open(self, stored: CounterStore) -> bool:
        """Whether a flush has noted for all that deltas may wait here. Until then they wait in the database."""
        if stored not in self._known_open:
            known = stored.snapshot([]).shards[0]
            stored.check_layout(known, self.layout)
            if not known.prefix:
                return False
            self._known_open.add(stored)
        return True

    # Writes

    def add(self, stored: CounterStore, sums: Mapping[str, int | None]) -> None:
        connection = stored.connection
        if self.database_only or not self._is_open(stored):
            with transaction.atomic(using=stored.using, savepoint=False):
                self._leave_rows(stored, sums)
        elif sends_after_commit(connection):
            on_commit.begin(connection).add(self, stored, sums)
        elif connection.get_autocommit():
            with transaction.atomic(using=stored.using):
                on_commit.begin(connection).add(self, stored, sums)
        else:
            self._leave_rows(stored, sums)

    def intend(self, stored: CounterStore, token: str, keys: Sequence[str]) -> set[str]:
        """Leave the transaction's token; returns the keys whose deltas must wait in the database instead."""
        refused = set(keys)
        for shard, part in self.shards.split(stored, keys):
            with suppress(BufferUnavailable):  # another shard may be on a server that answers
                frozen = self._intend_part(stored, shard, token, part)
                refused -= set(part) - set(frozen)
        return refused

    def _intend_part(self, stored: CounterStore, shard: int, token: str, keys: Sequence[str]) -> list[str]:
        base = self.shards.base(stored, shard)
        if stored.events:  # nothing could be recounted: all that matters is whether the server is there
            self.server.ask(base, lambda: self.server.client.exists(base))
            return []
        frozen: list[str] = self.server.run("intend", base, token, self.grace, *keys)
        return frozen

    def _leave_rows(self, stored: CounterStore, sums: Mapping[str, int | None]) -> None:
        """Let deltas wait in the database, without a hook after the commit; until then nobody caches their sum."""
        with suppress(BufferUnavailable):
            self._freeze(stored, sums, self.grace)
        stored.insert_deltas(sums)

    def push(self, stored: CounterStore, token: str, sums: Mapping[str, int | None]) -> None:
        """Count the deltas of a committed transaction.

        Raises:
            BufferUnavailable: the server does not answer, even when asked again: by then the call counts once.
        """
        name = "add" if stored.events else "push"

        def send(shard: int, part: Sequence[str], urgent: bool) -> None:
            pairs = [value for key in part for value in (key, "?" if sums[key] is None else sums[key])]
            # Each call has a token of its own, because an event's token is spent by the first.
            own = uuid.uuid4().hex if stored.events else token
            self._twice(name, self.shards.base(stored, shard), own, *pairs, urgent=urgent)

        # What is committed is worth a try at a server that did not answer before, but one.
        self._each(stored, sums, send)

    def _each(self, stored: CounterStore, keys: Iterable[str], call: Callable[[int, Sequence[str], bool], None]) -> None:
        """Call for the keys of each shard, also where a shard before it was on a server that does not answer.

        Args:
            stored: the counter, on one database alias.
            keys: of any shards.
            call: takes a shard, its keys, and whether no call has failed yet.

        Raises:
            BufferUnavailable: a call has failed.
        """
        failed: BufferUnavailable | None = None
        for shard, part in self.shards.split(stored, keys):
            try:
                call(shard, part, failed is None)
            except BufferUnavailable as error:
                failed = error
        if failed:
            raise failed

    def _run_on_each(self, name: str, stored: CounterStore, keys: Iterable[str], *arguments: Any) -> None:
        self._each(
            stored,
            keys,
            lambda shard, part, _: self.server.run(name, self.shards.base(stored, shard), *arguments, *part),
        )

    def _twice(self, name: str, base: Base, *arguments: Any, urgent: bool) -> None:
        """Send again what lost its reply."""
        try:
            self.server.run(name, base, *arguments, urgent=urgent)
        except BufferUnavailable as error:
            if not isinstance(error.__cause__, redis.ConnectionError):
                raise
            self.server.run(name, base, *arguments, urgent=True)

    # Recounts

    def request_recount(self, stored: CounterStore, keys: Sequence[str]) -> None:
        self.add(stored, dict.fromkeys(keys))

    def recount_now(self, stored: CounterStore, keys: Iterable[str]) -> None:
        """Try a recount once; what does not succeed, the next flush does."""
        with suppress(CounterError, DatabaseError):
            for part in in_parts(list(keys)):
                self.recount(stored, part)

    def due(self, stored: CounterStore, shard: int, limit: int) -> list[str]:
        keys: list[str] = self.server.run("due", self.shards.base(stored, shard), limit)
        return keys

    def intended(self, stored: CounterStore) -> set[str]:
        return self._members_of_all(stored, ("dirty",))

    def pending_keys(self, stored: CounterStore) -> set[str]:
        return super().pending_keys(stored) | self._members_of_all(stored, BUFFERED)

    def _members_of_all(self, stored: CounterStore, parts: Iterable[str]) -> set[str]:
        """The members of sorted sets of all shards."""
        keys: set[str] = set()
        for shard in range(self.layout.shards):
            for part in parts:
                name = f"{self.shards.base(stored, shard)}:{part}"
                keys |= self.server.ask(name, partial(self._members, name))
        return keys

    def _members(self, name: str) -> set[str]:
        return {text(member) for member, _ in self.server.client.zscan_iter(name, count=1000)}

    def recount(self, stored: CounterStore, keys: Sequence[str], correct: bool = True) -> dict[str, RecountResult]:
        found: dict[str, RecountResult] = {}
        for shard, part in self.shards.split(stored, keys):
            found |= self._recounter(stored, shard, correct).recount(part)
        return found

    def _recounter(self, stored: CounterStore, shard: int, correct: bool) -> Recounter:
        return Recounter(self.server, self.shards, stored, shard, self.grace, self.longest, correct)

    def freeze(self, stored: CounterStore, keys: Sequence[str]) -> None:
        self._freeze(stored, keys, FROZEN_SECONDS)

    def _freeze(self, stored: CounterStore, keys: Iterable[str], seconds: int) -> None:
        self._run_on_each("freeze", stored, keys, seconds)

    # Reads

    def value(self, stored: CounterStore, key: str) -> int:
        return self._reader(stored).value(key)

    def values(self, stored: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        return self._reader(stored).values(keys)

    def group_values(self, stored: CounterStore, group: str) -> dict[str, int]:
        reader = GroupReader(self.server, self.shards, stored, self.cache_ttl, self.database_only, group)
        return reader.group_values()

    def _reader(self, stored: CounterStore) -> Reader:
        return Reader(self.server, self.shards, stored, self.cache_ttl, self.database_only)

    async def avalue(self, stored: CounterStore, key: str) -> int:
        found = await self._cached(stored, [key])
        return found[key] if found else await super().avalue(stored, key)

    async def avalues(self, stored: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        found = await self._cached(stored, keys)
        missing = [key for key in keys if key not in found]
        return found | await super().avalues(stored, missing) if missing else found

    async def agroup_values(self, stored: CounterStore, group: str) -> dict[str, int]:
        client = None if self.database_only else self._async_clients.here()
        if client is not None:
            name = group_name(self.shards.base(stored, self.shards.of_group(group)), group)
            with suppress(BufferUnavailable):
                cached = await asynchronous.ask(self.server, name, lambda: client.hgetall(name))
                if (found := cached_group(group, {text(rest): value for rest, value in cached.items()})) is not None:
                    return found
        return await super().agroup_values(stored, group)

    async def aclose(self) -> None:
        await self._async_clients.close()

    async def _cached(self, stored: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        """What is cached of keys; nothing where that will not do, or where only a thread could ask.

        An event loop has no transaction, so that nothing of the caller's own could be missing.
        """
        client = None if self.database_only else self._async_clients.here()
        found: dict[str, int] = {}
        if client is not None:
            with suppress(BufferUnavailable):
                for shard, part in self.shards.split(stored, keys, KEYS_A_READ):
                    totals = await asynchronous.get(
                        self.server, client, total_names(self.shards.base(stored, shard), part)
                    )
                    found |= numbers(part, totals)
        return found

    def clear_cache(self, stored: CounterStore) -> None:
        for shard in range(self.layout.shards):
            base = self.shards.base(stored, shard)
            self.server.run("forget", base)  # first, so that no reader caches again what it has worked out before
            self._unlink(f"{base}:total:*")
            if stored.has_groups:
                self._unlink(f"{base}:group:*")

    def _unlink(self, pattern: str) -> None:
        """Delete keys of one shard."""
        self.server.ask(pattern, lambda: unlink(self.server.client, pattern))

    def status(self, stored: CounterStore) -> Status:
        return redis_status(self.database_status(stored), self.server, self.shards, stored)

    # The flush

    def invalidate(self, stored: CounterStore, keys: Iterable[str]) -> None:
        self._run_on_each("forget", stored, keys)

    def claim(self, stored: CounterStore, shard: int, known: ProgressSnapshot) -> Claim:
        arguments = (known.run_id, known.batch, known.position, known.size)
        run_id, batch, size, lost = self.server.run("claim", self.shards.base(stored, shard), *arguments)
        return Claim(int(batch), size, run_id, lost)

    def slice(self, stored: CounterStore, shard: int, position: int, length: int) -> Chunk:
        first, last = position, position + length - 1
        batch, size, members = self.server.run("chunk", self.shards.base(stored, shard), first, last)
        return Chunk(int(batch) if size else None, size, list(zip(members[::2], members[1::2], strict=True)))

    def acknowledge(self, stored: CounterStore, shard: int, batch: int) -> None:
        self.server.run("acknowledge", self.shards.base(stored, shard), batch)
