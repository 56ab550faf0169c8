"""The Redis buffer: deltas are summed in sorted sets after the commit, and a read is a single cache lookup.

Every step is one script of ``scripts/``, whose keys and effects are described at its top.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from secrets import token_hex
from typing import Any, ClassVar

from django.core.checks import CheckMessage
from django.db import models, transaction

from ...compat.atomic import joined
from ...compat.transactions import sends_after_commit
from ...exceptions import BufferMismatch, BufferRefused, BufferUnavailable, UnknownDatabase
from ...ledger import identity, progress
from ...ledger.progress import Layout
from ...ledger.snapshot import RecountResult
from ...ledger.store import CounterStore
from ...ledger.together import Wanted
from .. import expected, on_commit
from ..base import Buffer, Chunk, Claim, ProgressSnapshot, Subscription, Together
from ..on_commit import Sums
from ..status import Status
from . import asynchronous
from . import options as checked
from .ahead import SentAhead, refused
from .checks import check_client
from .client import ERRORS, redis, text, texts, was_heard
from .news import RedisSubscription, channel_of
from .read import KEYS_A_READ, Reader, cache_name, cache_names, cached_values, integer
from .read_group import GroupReader, cached_group, pairs
from .read_together import Asked, read_together
from .recount import Recounter
from .scripts import Base, packed
from .server import Call, RedisServer
from .shards import Shards
from .status import redis_status

logger = logging.getLogger("notifications_counter")

#: How long a busy key stays frozen: long enough for the transactions that are under way to end.
FROZEN_SECONDS = 10

#: The sorted sets of pending deltas.
PENDING = ("pending", "batch")


class RedisBuffer(Buffer):
    """Deltas are pending in Redis or Valkey, summed per key. The documentation lists its options."""

    needs_draining = True
    recounts_by_guard = True

    defaults: ClassVar[Mapping[str, Any]] = {**Buffer.defaults, **checked.DEFAULTS}

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        checked.client_option(alias, self.options)
        self.server = RedisServer(alias, self.options)
        self._async_clients = asynchronous.AsyncClients(alias, self.options)
        self.intent_grace: int = self.at_least("INTENT_GRACE", 1)
        self.max_transaction_age = self.at_least("MAX_TRANSACTION_AGE", 1)
        self.cache_ttl = self.at_least("CACHE_TTL", 1)
        self.layout = Layout(checked.prefix(alias, self.options), self.at_least("SHARDS", 1))
        self.shards = Shards(self.layout)
        checked.check_timeout(alias, self.options)
        self.database_only = checked.yes_or_no(alias, self.options, "DATABASE_ONLY")
        self._known_open: set[tuple[CounterStore, str]] = set()
        #: Where deltas are pending instead, of counters that other settings have opened.
        self._elsewhere: dict[CounterStore, Shards] = {}

    def check(self) -> list[CheckMessage]:
        return check_client(self.alias, self.options)

    def close(self) -> None:
        self.server.close()

    # Moves between buffers

    def open(self, store: CounterStore) -> None:
        with transaction.atomic(using=store.using, durable=True):
            if progress.lock(store.using, store.label, 0).prefix:
                return
            for shard in range(self.layout.shards):
                row = progress.read(store.using, store.label, shard)
                self.server.run("open", self.shards.base(store, shard), row.batch)
            self.clear_cache(store)
            store.set_layout(self.layout)

    def declare(self, store: CounterStore) -> None:
        for shard in range(self.layout.shards):
            name = f"{self.shards.base(store, shard)}:declaration"
            if store.declaration is not None and self._noted(name) != store.declaration:
                self.clear_cache(store)
                self.server.ask(name, partial(self.server.client.set, name, store.declaration))

    def _noted(self, name: str) -> str | None:
        noted = self.server.get(name)
        return None if noted is None else text(noted)

    def close_down(self, store: CounterStore) -> None:
        for shard in range(self.layout.shards):
            self.server.unlink(self.shards.base(store, shard), "guards")
        self.clear_cache(store)

    def forget_all(self, store: CounterStore) -> None:
        for shard in range(self.layout.shards):
            self.server.unlink(self.shards.base(store, shard), "*")

    def _is_open(self, store: CounterStore) -> bool:
        """Whether a flush has noted for all that deltas may be pending here. Until then they go to the database."""
        database_id = store.database_id
        if database_id is None:
            return False
        if (store, database_id) not in self._known_open:
            known = store.snapshot([]).shards[0]
            if not (known.prefix and store.sees_all(known, self.layout)):
                if known.prefix:
                    self._elsewhere[store] = Shards(Layout(known.prefix, known.shards))
                return False
            self._known_open.add((store, database_id))
        return True

    # Writes

    def add(self, store: CounterStore, sums: Mapping[str, int | None]) -> None:
        connection = store.connection
        if self.database_only or not self._is_open(store):
            with joined(connection):
                self._insert_deltas(store, sums)
        elif sends_after_commit(connection):
            unsent = on_commit.begin(connection)
            if unsent.is_of(store):
                unsent.add(self, store, sums)
            else:  # of another schema than what the transaction changed first
                self._insert_deltas(store, sums)
        elif connection.get_autocommit():
            with transaction.atomic(using=store.using):
                on_commit.begin(connection).add(self, store, sums)
        else:
            self._insert_deltas(store, sums)

    def expect(self, changes: Sequence[tuple[CounterStore, Sequence[str]]]) -> None:
        connection = changes[0][0].connection
        if self.database_only or not sends_after_commit(connection):
            return
        if all((store, store.database_id) in self._known_open for store, _ in changes):
            expected.send(connection, self, dict(changes))

    def intend_ahead(self, token: str, keys: Mapping[CounterStore, Sequence[str]]) -> SentAhead | None:
        """Leave the transaction's token without waiting for the reply; None where something speaks against it."""
        calls = self._intents(token, keys)
        read = self.server.start_each(calls)
        return None if read is None else SentAhead(self.server, token, keys, calls, read)

    def intend(self, token: str, keys: Mapping[CounterStore, Sequence[str]]) -> dict[CounterStore, set[str]]:
        """Leave the transaction's token; returns the keys whose deltas must go to the database instead."""
        calls = self._intents(token, keys)
        return refused(keys, calls, self.server.run_each(calls))

    def _intents(self, token: str, keys: Mapping[CounterStore, Sequence[str]]) -> list[Call]:
        calls: list[Call] = []
        for store, whole in keys.items():
            with suppress(UnknownDatabase):
                calls += [self._intent(store, shard, token, part) for shard, part in self.shards.split(store, whole)]
        return calls

    def _intent(self, store: CounterStore, shard: int, token: str, keys: Sequence[str]) -> Call:
        base = self.shards.base(store, shard)
        if store.events:  # nothing could be recounted: all that matters is whether the server takes writes
            return Call("probe", base, (), store, keys)
        arguments = packed((token, f"{self.intent_grace}:{store.declaration}", *keys))
        return Call("intend", base, arguments, store, keys)

    def _insert_deltas(self, store: CounterStore, sums: Mapping[str, int | None]) -> None:
        """Insert deltas in the database, without a hook after the commit; until then nobody caches their sum."""
        self._keep_from_caching(store, sums, self.intent_grace)
        store.insert_deltas(sums)

    def hold_cache(self, store: CounterStore, keys: Iterable[str]) -> None:
        held = list(keys)
        self._keep_from_caching(store, held, self.intent_grace)
        if sends_after_commit(store.connection):
            transaction.on_commit(partial(self.forget, store, held), using=store.using)

    def _keep_from_caching(self, store: CounterStore, keys: Iterable[str], seconds: int) -> None:
        with suppress(BufferUnavailable):
            self._run_or_owe("freeze", store, keys, seconds)
            self._freeze_elsewhere(store, keys)

    def push(self, token: str, changes: Mapping[CounterStore, Sums]) -> dict[CounterStore, Sums]:
        """Count the deltas of a committed transaction; returns what is to be kept in the database instead."""
        kept: dict[CounterStore, Sums] = {}
        calls = [
            self._pushed(store, shard, token, sums if len(part) == len(sums) else {key: sums[key] for key in part})
            for store, sums in changes.items()
            for shard, part in self.shards.split(store, sums)
        ]
        # What is committed is worth a try at a server that did not answer before, but one.
        for call, reply in zip(calls, self.server.run_each(calls, urgent=True), strict=True):
            if isinstance(reply, BufferUnavailable) and (error := self._lost_reply(reply, call)) is not None:
                sums = {key: changes[call.store][key] for key in call.keys}
                not_pushed = self._not_pushed(call.store, call.base, sums, call.arguments, error)
                kept[call.store] = {**kept.get(call.store, {}), **not_pushed}
        return kept

    def _pushed(self, store: CounterStore, shard: int, token: str, sums: Sums) -> Call:
        # Each call has a token of its own, because an event's token is spent by the first.
        own = token_hex(16) if store.events else token
        values = [value for key, amount in sums.items() for value in (key, "?" if amount is None else str(amount))]
        name = "add" if store.events else "push"
        return Call(name, self.shards.base(store, shard), packed((own, *values)), store, list(sums))

    def _not_pushed(
        self, store: CounterStore, base: Base, sums: Sums, arguments: Sequence[Any], error: BufferUnavailable
    ) -> Sums:
        """What is to be kept in the database of a push that has failed; it is sent again where it counts once."""
        if not store.events:
            self.server.owe_push("push", base, *arguments)
            if not isinstance(error, BufferRefused):
                said = "%s: Redis did not answer; a committed change of %d keys is counted by a later recount (%s)"
                logger.error(said, store.label, len(sums), error)
            return dict.fromkeys(sums)
        if isinstance(error, BufferRefused) or not was_heard(error.__cause__):
            return sums
        self.server.owe_push("add", base, *arguments)
        said = "%s: Redis did not answer; a committed change %s. It is sent again if it answers soon (%s)"
        logger.error(said, store.label, on_commit.lost(sums), error)
        return {}

    def forget(self, store: CounterStore, keys: Iterable[str]) -> None:
        """Deltas of these keys are pending in the database: delete what is cached of them, or do it later."""
        with suppress(UnknownDatabase):  # then nothing is cached either
            self._run_or_owe("forget", store, keys)

    def _run_or_owe(self, name: str, store: CounterStore, keys: Iterable[str], *arguments: Any) -> None:
        for shard, part in self.shards.split(store, keys):
            base = self.shards.base(store, shard)
            try:
                self.server.run(name, base, *arguments, *part)
            except BufferUnavailable:
                self.server.owe_keys(name, base, part, *arguments)

    def _each(self, store: CounterStore, keys: Iterable[str], call: Callable[[int, Sequence[str], bool], None]) -> None:
        """Call for the keys of each shard, also where a shard before it was on a server that does not answer.

        Args:
            store: the counter, on one database alias.
            keys: of any shards.
            call: takes a shard, its keys, and whether no call has failed yet.

        Raises:
            BufferUnavailable: a call has failed.
        """
        failed: BufferUnavailable | None = None
        for shard, part in self.shards.split(store, keys):
            try:
                call(shard, part, failed is None)
            except BufferUnavailable as error:
                failed = error
        if failed:
            raise failed

    def _run_on_each(self, name: str, store: CounterStore, keys: Iterable[str], *arguments: Any) -> None:
        def run(shard: int, part: Sequence[str], urgent: bool) -> None:
            self.server.run(name, self.shards.base(store, shard), *arguments, *part)

        self._each(store, keys, run)

    def _lost_reply(self, error: BufferUnavailable, call: Call) -> BufferUnavailable | None:
        """What is left of an error when a call has been sent again that lost its reply; None if nothing."""
        if isinstance(error, BufferRefused) or not isinstance(error.__cause__, redis.ConnectionError):
            return error
        try:
            self.server.run(call.name, call.base, *call.arguments, urgent=True)
        except BufferUnavailable as another:
            # Whatever became of the second, the first may have been carried out.
            return error if was_heard(another.__cause__) else another
        return None

    # Recounts

    def request_recount(self, store: CounterStore, keys: Sequence[str]) -> None:
        self.add(store, dict.fromkeys(keys))

    def due_recounts(self, store: CounterStore, shard: int, limit: int) -> list[str]:
        keys: list[str] = self.server.run("due", self.shards.base(store, shard), limit)
        return keys

    def intended_keys(self, store: CounterStore) -> set[str]:
        return self._members_of_all(store, ("dirty",))

    def pending_keys(self, store: CounterStore) -> set[str]:
        return super().pending_keys(store) | self._members_of_all(store, PENDING)

    def _members_of_all(self, store: CounterStore, parts: Iterable[str]) -> set[str]:
        """The members of sorted sets of all shards."""
        keys: set[str] = set()
        for shard in range(self.layout.shards):
            for part in parts:
                name = f"{self.shards.base(store, shard)}:{part}"
                keys |= self.server.ask(name, partial(self._members, name))
        return keys

    def _members(self, name: str) -> set[str]:
        return {text(member) for member, _ in self.server.client.zscan_iter(name, count=1000)}

    def recount(self, store: CounterStore, keys: Sequence[str], correct: bool = True) -> dict[str, RecountResult]:
        found: dict[str, RecountResult] = {}
        for shard, part in self.shards.split(store, keys):
            found |= self._recounter(store, shard, correct).recount(part)
        return found

    def _recounter(self, store: CounterStore, shard: int, correct: bool) -> Recounter:
        return Recounter(self.server, self.shards, store, shard, self.intent_grace, self.max_transaction_age, correct)

    def freeze(self, store: CounterStore, keys: Sequence[str]) -> None:
        self._freeze(store, keys, FROZEN_SECONDS)

    def _freeze(self, store: CounterStore, keys: Iterable[str], seconds: int) -> None:
        self._run_on_each("freeze", store, keys, seconds)

    def _freeze_elsewhere(self, store: CounterStore, keys: Iterable[str]) -> None:
        """The same where others read, who have the settings with which the counter was opened."""
        shards = self._elsewhere.get(store)
        if shards is None:
            return
        for shard, part in shards.split(store, keys):
            self.server.run("freeze", shards.base(store, shard), self.intent_grace, *part)

    # Reads

    def value(self, store: CounterStore, key: str) -> int:
        if self.database_only or not store.is_agreed or on_commit.has_unsent(store):
            return self._reader(store).values([key])[key]
        with suppress(BufferUnavailable):
            base = self.shards.base(store, self.shards.of(store, key))
            if (cached := integer(self.server.get_cached(cache_name(base, key)))) is not None:
                return cached
        return self._reader(store).compute(key)

    def epochs(self, store: CounterStore, keys: Sequence[str]) -> dict[str, str]:
        known = store.database_id or ""
        found: dict[str, str] = {}
        if self.database_only or not self._is_open(store):
            return dict.fromkeys(keys, f"{known}/rows")
        for shard, part in self.shards.split(store, keys):
            found |= dict.fromkeys(part, f"{known}/{self._epoch(self.shards.base(store, shard))}")
        return found

    def _epoch(self, base: Base) -> str:
        try:
            return "/".join(self.server.run("epoch", base, token_hex(6)))
        except BufferUnavailable:  # what is pending there is not read, so that numbers may be lower
            return "away"

    def values(self, store: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        return self._reader(store).values(keys)

    def group_values(self, store: CounterStore, group: str) -> dict[str, int]:
        return self._group_reader(store, group).group_values()

    def _group_reader(self, store: CounterStore, group: str) -> GroupReader:
        return GroupReader(self.server, self.shards, store, self.cache_ttl, self.database_only, group)

    def values_together(self, wanted: Wanted, rows: models.QuerySet[Any, Any] | None) -> Together:
        readers = (self._group_reader(*one) if one[0].has_groups else self._reader(one[0]) for one in wanted)
        asked = [Asked(reader, key) for reader, (_, key) in zip(readers, wanted, strict=True)]
        try:
            return read_together(wanted, asked, self.epoch_of(*wanted[0]), rows)
        except (BufferUnavailable, BufferMismatch):
            return super().values_together(wanted, rows)

    def _reader(self, store: CounterStore) -> Reader:
        return Reader(self.server, self.shards, store, self.cache_ttl, self.database_only)

    async def avalue(self, store: CounterStore, key: str) -> int:
        found = await self._cached(store, [key])
        return found[key] if found else await super().avalue(store, key)

    async def avalues(self, store: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        found = await self._cached(store, keys)
        missing = [key for key in keys if key not in found]
        return found | await super().avalues(store, missing) if missing else found

    async def agroup_values(self, store: CounterStore, group: str) -> dict[str, int]:
        client, database_id = await self._async_client(store)
        if client is not None:
            base = self.shards.base_on(database_id, store, self.shards.of_group(group))
            with suppress(BufferUnavailable):
                is_cached, *reply = texts(await asynchronous.run(self.server, client, "group", base, group, 1))
                if is_cached and (found := cached_group(group, pairs(*reply))) is not None:
                    return found
        return await super().agroup_values(store, group)

    async def _async_client(self, store: CounterStore) -> tuple[Any, str | None]:
        """What an event loop asks, and of which database; nothing where only a thread can tell one of them."""
        database_id = None if self.database_only or not store.is_agreed else identity.without_a_question(store.using)
        return (await self._async_clients.here() if database_id else None), database_id

    async def aclose(self) -> None:
        await self._async_clients.close()

    async def _cached(self, store: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        """What is cached of keys; nothing where the cache may not be read, or only a thread could ask.

        An event loop has no transaction, so that nothing of the caller's own could be missing.
        """
        client, database_id = await self._async_client(store)
        found: dict[str, int] = {}
        if client is not None:
            with suppress(BufferUnavailable):
                for shard, part in self.shards.split(store, keys, KEYS_A_READ):
                    base = self.shards.base_on(database_id, store, shard)
                    values = await asynchronous.get(self.server, client, base, cache_names(base, part))
                    found |= cached_values(part, values)
        return found

    def clear_cache(self, store: CounterStore) -> None:
        for shard in range(self.layout.shards):
            self.server.clear(self.shards.base(store, shard))

    def status(self, store: CounterStore) -> Status:
        return redis_status(self.database_status(store), self.server, self.shards, store)

    # The flush

    def prepare_flush(self, store: CounterStore) -> None:
        super().prepare_flush(store)
        is_closed = not self.database_only and not store.snapshot([]).shards[0].prefix
        if is_closed and identity.is_settled(store.using, self.intent_grace):
            self.open(store)

    def invalidate(self, store: CounterStore, keys: Iterable[str]) -> None:
        self._run_on_each("forget", store, keys)

    def claim(self, store: CounterStore, shard: int, known: ProgressSnapshot) -> Claim:
        arguments, base = (known.run_id, known.batch, known.position, known.size), self.shards.base(store, shard)
        self.server.get(
            f"{base}:seq"
        )  # a connection may have been cut while it was idle, and a claim is not sent again
        run_id, batch, size, lost = self.server.run("claim", base, *arguments)
        return Claim(int(batch), size, run_id, lost)

    def read_chunk(self, store: CounterStore, shard: int, position: int, length: int) -> Chunk:
        first, last = position, position + length - 1
        batch, size, members = self.server.run("chunk", self.shards.base(store, shard), first, last)
        return Chunk(int(batch) if size else None, size, list(zip(members[::2], members[1::2], strict=True)))

    def acknowledge(self, store: CounterStore, shard: int, batch: int) -> None:
        self.server.run("acknowledge", self.shards.base(store, shard), batch)

    # News

    def publish(self, store: CounterStore, message: str) -> None:
        if self.server.breaker.is_failing or store.database_id is None:
            return
        with suppress(*ERRORS):  # no sign of the server's health: a user of Redis may lack the permission
            self.server.client.publish(channel_of(self.layout, store), message)

    def subscribe(self, store: CounterStore) -> Subscription | None:
        return None if store.database_id is None else RedisSubscription(self.server, channel_of(self.layout, store))
