"""The Redis buffer: deltas are summed in sorted sets after the commit, and a read is one GET.

Every step is one script of ``scripts/``, whose keys and effects are described at its top.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

from django.core.checks import CheckMessage
from django.db import Error as DatabaseError
from django.db import transaction

from .. import progress
from ..conf import is_number
from ..exceptions import BufferUnavailable, CounterError, InvalidSettings
from ..stored import Stored
from . import on_commit
from .base import Buffer, Claim, Found, Known, Layout, Slice, slices
from .breaker import Breaker
from .redis_client import check_client, make_client, redis, source_of, text, texts
from .redis_read import Reader
from .redis_recount import Recounter
from .redis_status import redis_status
from .status import Status

#: Keys a call of a script that writes: 10,000 would block the server for 70 to 130 ms.
KEYS_A_CALL = 1000

#: How long a busy key stays frozen: long enough for the transactions that are under way to end.
FROZEN_SECONDS = 10

#: Where deltas wait.
BUFFERED = ("pending", "batch")

SCRIPTS = Path(__file__).with_name("scripts")


@cache
def script_text(name: str) -> str:
    return (SCRIPTS / f"{name}.lua").read_text()


class RedisBuffer(Buffer):
    """Deltas wait in Redis or Valkey, summed per key. See "The Redis buffer" in the documentation for its options."""

    defaults: ClassVar[Mapping[str, Any]] = {
        **Buffer.defaults,
        "URL": None,
        "CACHE": None,
        "CLIENT": None,
        "PREFIX": "nc",
        "SHARDS": 1,
        "GRACE": 60,
        "MAX_TRANSACTION_AGE": 86_400,
        "TOTAL_TTL": 3600,
        "TIMEOUT": 1,
        "ROWS_ONLY": False,
    }

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        source_of(alias, self.options)
        self.grace = self.at_least("GRACE", 1)
        self.longest = self.at_least("MAX_TRANSACTION_AGE", 1)
        self.total_ttl = self.at_least("TOTAL_TTL", 1)
        self.layout = Layout(self._prefix(), self.at_least("SHARDS", 1))
        self._check_timeout()
        self.rows_only = self._yes_or_no("ROWS_ONLY")
        self.breaker = Breaker(f"Redis buffer {alias!r}")
        self._known_open: set[Stored] = set()

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
        if "client" in self.__dict__ and self.options["URL"] is not None:
            self.client.close()

    # The server

    @cached_property
    def client(self) -> Any:
        return make_client(self.alias, self.options)

    @cached_property
    def _scripts(self) -> dict[str, Any]:
        return {}

    def _script(self, name: str) -> Any:
        if name not in self._scripts:
            self._scripts[name] = self.client.register_script(script_text(name))
        return self._scripts[name]

    def ask(self, question: Callable[[], Any], urgent: bool = False) -> Any:
        """Ask the server.

        Args:
            question: the call of its client.
            urgent: whether to ask even if it did not answer a moment ago.

        Raises:
            BufferUnavailable: it does not answer, refuses, or did not answer a moment ago.
        """
        if self.breaker.is_open() and not urgent:
            raise BufferUnavailable(f"Redis buffer {self.alias!r} did not answer a moment ago.")
        try:
            reply = question()
        except redis.RedisError as error:
            if isinstance(error, redis.ConnectionError | redis.TimeoutError):
                self.breaker.failed(error)
            raise BufferUnavailable(f"Redis buffer {self.alias!r}: {type(error).__name__}: {error}") from error
        self.breaker.answered()
        return reply

    def get(self, name: str) -> Any:
        """The value of a Redis key."""
        return self.ask(partial(self.client.get, name))

    def get_many(self, names: Sequence[str]) -> Any:
        """The values of Redis keys of one shard."""
        return self.ask(partial(self.client.mget, names))

    def run(self, name: str, base: str, *arguments: Any, urgent: bool = False) -> Any:
        """Run a script on one shard, and give its reply with strings as text."""
        return texts(self.ask(lambda: self._script(name)(keys=[base], args=arguments), urgent))

    def base(self, stored: Stored, shard: int) -> str:
        """What the names of a shard's keys begin with; the braces keep them on one node of a cluster."""
        return f"{self.layout.prefix}:{{{stored.label}@{stored.using}/{shard}}}"

    def shard(self, key: str) -> int:
        return zlib.crc32(key.encode()) % self.layout.shards if self.layout.shards > 1 else 0

    def by_shard(self, keys: Iterable[str], length: int = KEYS_A_CALL) -> Iterable[tuple[int, Sequence[str]]]:
        """Keys by shard, in parts that one call may take."""
        for shard, members in sorted(self._shards_of(keys).items()):
            for part in slices(members, length):
                yield shard, part

    def _shards_of(self, keys: Iterable[str]) -> dict[int, list[str]]:
        if self.layout.shards == 1:
            return {0: list(keys)}
        shards: dict[int, list[str]] = {}
        for key in keys:
            shards.setdefault(self.shard(key), []).append(key)
        return shards

    # Moves between buffers

    def open(self, stored: Stored) -> None:
        with transaction.atomic(using=stored.using, durable=True):
            if progress.lock(stored.using, stored.label, 0).prefix:
                return
            for shard in range(self.layout.shards):
                row = progress.read(stored.using, stored.label, shard)
                self.run("open", self.base(stored, shard), row.batch)
            self.forget_cached(stored)
            stored.set_layout(self.layout.prefix, self.layout.shards)

    def close_down(self, stored: Stored) -> None:
        for shard in range(self.layout.shards):
            self.ask(partial(self._unlink, f"{self.base(stored, shard)}:guard:*"))
        self.forget_cached(stored)

    def _is_open(self, stored: Stored) -> bool:
        """Whether a flush has noted for all that deltas may wait here. Until then they wait in the database."""
        if stored not in self._known_open:
            known = stored.look([]).shards[0]
            stored.check_layout(known, self.layout.prefix, self.layout.shards)
            if not known.prefix:
                return False
            self._known_open.add(stored)
        return True

    # Writes

    def add(self, stored: Stored, sums: Mapping[str, int | None]) -> None:
        connection = stored.connection
        if self.rows_only or not self._is_open(stored):
            with transaction.atomic(using=stored.using, savepoint=False):
                self._leave_rows(stored, sums)
        elif on_commit.sends_after_commit(connection):
            self._add_in_transaction(stored, sums)
        elif connection.get_autocommit():
            with transaction.atomic(using=stored.using):
                self._add_in_transaction(stored, sums)
        else:
            self._leave_rows(stored, sums)

    def _add_in_transaction(self, stored: Stored, sums: Mapping[str, int | None]) -> None:
        unsent = on_commit.begin(stored.connection)
        new = [key for key in sums if key not in unsent.intents.get(stored, ())]
        refused = self._intend(stored, unsent.token, new)
        accepted = {key: amount for key, amount in sums.items() if key not in refused}
        if accepted:
            unsent.add(self, stored, accepted)
        if refused:
            stored.leave({key: sums[key] for key in refused})
            unsent.add_rows(self, stored, refused)

    def _intend(self, stored: Stored, token: str, keys: Sequence[str]) -> set[str]:
        """Leave the transaction's token; returns the keys whose deltas must wait in the database instead."""
        refused = set(keys)
        try:
            for shard, part in self.by_shard(keys):
                frozen = self._intend_part(stored, shard, token, part)
                refused -= set(part) - set(frozen)
        except BufferUnavailable:
            pass
        return refused

    def _intend_part(self, stored: Stored, shard: int, token: str, keys: Sequence[str]) -> list[str]:
        base = self.base(stored, shard)
        if stored.events:  # nothing could be recounted: all that matters is whether the server is there
            self.ask(lambda: self.client.exists(base))
            return []
        frozen: list[str] = self.run("intend", base, token, self.grace, *keys)
        return frozen

    def _leave_rows(self, stored: Stored, sums: Mapping[str, int | None]) -> None:
        """Let deltas wait in the database, without a hook after the commit; until then nobody caches their sum."""
        with suppress(BufferUnavailable):
            self._freeze(stored, sums, self.grace)
        stored.leave(sums)

    def push(self, stored: Stored, token: str, sums: Mapping[str, int | None]) -> None:
        """Count the deltas of a committed transaction.

        Raises:
            BufferUnavailable: the server does not answer, even when asked again: by then the call counts once.
        """
        name = "add" if stored.events else "push"
        for shard, part in self.by_shard(sums):
            pairs = [value for key in part for value in (key, "?" if sums[key] is None else sums[key])]
            # Each call has a token of its own, because an event's token is spent by the first.
            self._twice(name, self.base(stored, shard), uuid.uuid4().hex if stored.events else token, *pairs)

    def _twice(self, name: str, base: str, *arguments: Any) -> None:
        """Send again what lost its reply. What is committed is worth a try at a server that did not answer before."""
        try:
            self.run(name, base, *arguments, urgent=True)
        except BufferUnavailable as error:
            if not isinstance(error.__cause__, redis.ConnectionError):
                raise
            self.run(name, base, *arguments, urgent=True)

    def withdraw(self, stored: Stored, token: str, keys: Iterable[str]) -> None:
        """Take back the intents of a transaction that was rolled back."""
        if not stored.events:
            for shard, part in self.by_shard(keys):
                self.run("withdraw", self.base(stored, shard), token, *part)

    # Recounts

    def ask_recount(self, stored: Stored, keys: Sequence[str]) -> None:
        self.add(stored, dict.fromkeys(keys))

    def recount_now(self, stored: Stored, keys: Iterable[str]) -> None:
        """Try a recount once; what does not succeed, the next flush does."""
        with suppress(CounterError, DatabaseError):
            for part in slices(list(keys)):
                self.recount(stored, part)

    def due(self, stored: Stored, shard: int, limit: int) -> list[str]:
        keys: list[str] = self.run("due", self.base(stored, shard), limit)
        return keys

    def intended(self, stored: Stored) -> set[str]:
        return self._members_of_all(stored, ("dirty",))

    def buffered_keys(self, stored: Stored) -> set[str]:
        return super().buffered_keys(stored) | self._members_of_all(stored, BUFFERED)

    def _members_of_all(self, stored: Stored, parts: Iterable[str]) -> set[str]:
        """The members of sorted sets of all shards."""
        keys: set[str] = set()
        for shard in range(self.layout.shards):
            for part in parts:
                keys |= self.ask(partial(self._members, f"{self.base(stored, shard)}:{part}"))
        return keys

    def _members(self, name: str) -> set[str]:
        return {text(member) for member, _ in self.client.zscan_iter(name, count=1000)}

    def recount(self, stored: Stored, keys: Sequence[str], correct: bool = True) -> dict[str, Found]:
        found: dict[str, Found] = {}
        for shard, part in self.by_shard(keys):
            found |= Recounter(self, stored, shard, correct).recount(part)
        return found

    def freeze(self, stored: Stored, keys: Sequence[str]) -> None:
        self._freeze(stored, keys, FROZEN_SECONDS)

    def _freeze(self, stored: Stored, keys: Iterable[str], seconds: int) -> None:
        for shard, part in self.by_shard(keys):
            self.run("freeze", self.base(stored, shard), seconds, *part)

    # Reads

    def value(self, stored: Stored, key: str) -> int:
        return Reader(self, stored).value(key)

    def values(self, stored: Stored, keys: Sequence[str]) -> dict[str, int]:
        return Reader(self, stored).values(keys)

    def forget_cached(self, stored: Stored) -> None:
        for shard in range(self.layout.shards):
            base = self.base(stored, shard)
            self.run("forget", base)  # first, so that no reader caches again what it has worked out before
            self.ask(partial(self._unlink, f"{base}:total:*"))

    def _unlink(self, pattern: str) -> None:
        for name in self.client.scan_iter(pattern, count=1000):
            self.client.unlink(name)

    def status(self, stored: Stored) -> Status:
        return redis_status(self, stored)

    # The flush

    def before_rows(self, stored: Stored, keys: Iterable[str]) -> None:
        for shard, part in self.by_shard(keys):
            self.run("forget", self.base(stored, shard), *part)

    def claim(self, stored: Stored, shard: int, known: Known) -> Claim:
        arguments = (known.run_id, known.batch, known.position, known.size)
        run_id, batch, size, lost = self.run("claim", self.base(stored, shard), *arguments)
        return Claim(int(batch), size, run_id, lost)

    def slice(self, stored: Stored, shard: int, position: int, length: int) -> Slice:
        first, last = position, position + length - 1
        batch, size, members = self.run("slice", self.base(stored, shard), first, last)
        return Slice(int(batch) if size else None, size, list(zip(members[::2], members[1::2], strict=True)))

    def acknowledge(self, stored: Stored, shard: int, batch: int) -> None:
        self.run("acknowledge", self.base(stored, shard), batch)
