"""The scripts of the Redis buffer on a real server, beside a plain model of the database and a clock that stands still.

``World`` holds what its processes work on, and says after each of their steps whether a count is wrong. It knows
nothing of the scripts but what their effects mean: what is stored, waits in rows or in Redis adds up to the true count
of each key, but for those that some note in Redis still marks as uncertain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from notifications_counter.buffers.redis import RedisBuffer
from notifications_counter.buffers.redis.read import integer
from notifications_counter.buffers.redis.read_group import cached_group, pairs
from notifications_counter.buffers.redis.scripts import Base, script_parts
from notifications_counter.buffers.redis.server import RedisServer
from notifications_counter.ledger.snapshot import ShardProgress, Snapshot
from tests.support.intents import parse_intents

#: Two keys of one group.
A, B = KEYS = ("g,a", "g,b")
GROUP = "g"
BASE = Base("protocol:{0}")
BASE.has_groups = True

#: Seconds on the clock of the scripts: the age at which an intent is looked at, and the age of the longest transaction.
INTENT_GRACE, LONGEST = 10, 100

START = 1_000_000

#: All that Redis holds, in one look.
LOOK = """
local base, reply = KEYS[1], {}
reply[1] = redis.call('GET', base .. ':seq') or '0'
for i, name in ipairs({'pending', 'batch', 'dirty'}) do
  reply[i + 1] = redis.call('ZRANGE', base .. ':' .. name, 0, -1, 'WITHSCORES')
end
for _, key in ipairs(ARGV) do
  reply[#reply + 1] = redis.call('HGET', base .. ':intents', key) or ''
  reply[#reply + 1] = redis.call('GET', base .. ':total:' .. key) or ''
  reply[#reply + 1] = redis.call('EXISTS', base .. ':frozen:' .. key)
end
reply[#reply + 1] = redis.call('HGETALL', base .. ':group:g')
return reply
"""


class Violation(AssertionError):
    """A count is wrong, or will stay so."""


def short(key: str) -> str:
    """What the names of steps call a key."""
    return key.rpartition(",")[2]


def require(holds: object, said: str) -> None:
    if not holds:
        raise Violation(said)


@dataclass(frozen=True)
class Dropped:
    """A rule that a script no longer keeps.

    Attributes:
        script: its name.
        changes: texts of the script, each with what stands there instead.
    """

    script: str
    changes: tuple[tuple[str, str], ...]


class Scripts(RedisServer):
    """The project's scripts, which take the time from the world's clock; one of them without one of its rules."""

    def __init__(self, dropped: Dropped | None = None) -> None:
        super().__init__("protocol", {**RedisBuffer.defaults, "URL": settings.REDIS_URL, "TIMEOUT": 60})
        self.dropped = dropped
        self._scripts: dict[str, Any] = {}

    def _evaluate(self, name: str, base: str, arguments: Sequence[Any]) -> Any:
        if name not in self._scripts:
            self._scripts[name] = self.client.register_script(self._text(name))
        return self._scripts[name](keys=[base], args=arguments)

    def _text(self, name: str) -> str:
        parts = {name: LOOK} if name == "look" else script_parts(name, has_groups=True)
        if self.dropped and self.dropped.script in parts:
            parts[self.dropped.script] = self._without(parts[self.dropped.script])
        text = "".join(parts.values())
        return text.replace("redis.call('TIME')[1]", "redis.call('GET', KEYS[1] .. ':clock')")

    def _without(self, text: str) -> str:
        assert self.dropped
        for kept, instead in self.dropped.changes:
            said = f"{self.dropped.script}.lua has no single {kept!r}: say which text keeps the rule now"
            assert text.count(kept) == 1, said
            text = text.replace(kept, instead)
        return text


@dataclass
class Database:
    """What is committed.

    Attributes:
        rows: id -> key and amount of a delta that waits here; None asks for a recount.
        returned: ids of rows whose writers have gone on after their commit.
        locked_by: the process that holds the progress row's lock.
    """

    true: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KEYS, 0))
    stored: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KEYS, 0))
    rows: dict[int, tuple[str, int | None]] = field(default_factory=dict)
    returned: set[int] = field(default_factory=set)
    run_id: str = ""
    batch: int = 0
    position: int = 0
    size: int = 0
    locked_by: object = None
    last_row: int = 0

    @property
    def shard(self) -> ShardProgress:
        return ShardProgress(self.batch, self.position, self.size, True, "", 1)

    def leave(self, key: str, amount: int | None) -> int:
        self.last_row += 1
        self.rows[self.last_row] = key, amount
        return self.last_row

    def waiting(self, key: str) -> int:
        return sum(amount or 0 for owner, amount in self.rows.values() if owner == key)

    def asked(self) -> set[str]:
        return {key for key, amount in self.rows.values() if amount is None}

    def look(self) -> Snapshot:
        """What one statement sees."""
        waiting = {key: self.waiting(key) for key in KEYS if any(owner == key for owner, _ in self.rows.values())}
        return Snapshot(dict(self.stored), waiting, self.asked(), dict(self.true), {0: self.shard})


@dataclass(frozen=True)
class Key:
    """What Redis holds of a key.

    Attributes:
        intents: token -> when it was left, or "flagged" and that.
        look_at: when its intents are to be looked at; None: never.
    """

    pending: int
    intents: dict[str, str]
    total: str
    frozen: bool
    look_at: float | None

    @property
    def open(self) -> set[str]:
        return {token for token, left in self.intents.items() if token != "recount" and not is_flagged(left)}


@dataclass(frozen=True)
class Held:
    """What Redis holds.

    Attributes:
        group: the values of all keys, where they are cached together.
    """

    seq: int
    batch: list[tuple[str, int]]
    keys: dict[str, Key]
    group: dict[str, int] | None


def is_flagged(left: str) -> bool:
    return left.startswith("flagged")


class World:
    """Everything that processes share.

    Attributes:
        values: key -> what is stored and buffered.
        left_rows: whether a delta has ever waited in the database.
    """

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts
        self.database = Database()
        self.writers: list[Any] = []
        self.readers: list[Any] = []
        self.clock = START
        self.left_rows = False
        self._empty_redis()
        self.held = self.look()
        self.values = {key: self.value(key) for key in KEYS}

    def _empty_redis(self) -> None:
        client = self.scripts.client
        if names := client.keys(f"{BASE}:*"):
            client.delete(*names)
        self.pass_time(0)

    def cached(self, key: str) -> int | None:
        return integer(self.scripts.client.get(f"{BASE}:total:{key}"))

    def run(self, name: str, *arguments: Any) -> Any:
        return self.scripts.run(name, BASE, *arguments)

    def delete(self, name: str) -> None:
        self.scripts.client.delete(f"{BASE}:{name}")

    def pass_time(self, seconds: int) -> None:
        self.clock += seconds
        self.scripts.client.set(f"{BASE}:clock", self.clock)

    def look(self) -> Held:
        seq, pending, batch, dirty, *rest, group = self.run("look", *KEYS)
        sums, look_at = pairs(pending), pairs(dirty)
        keys = {}
        for key, intents, total, frozen in zip(KEYS, rest[::3], rest[1::3], rest[2::3], strict=True):
            when = float(look_at[key]) if key in look_at else None
            keys[key] = Key(int(sums.get(key, 0)), parse_intents(intents), total, bool(frozen), when)
        in_batch = [(key, int(amount)) for key, amount in pairs(batch).items()]
        return Held(int(seq), in_batch, keys, cached_group(GROUP, pairs(group)))

    # What must hold after each step

    def value(self, key: str) -> int:
        """Stored, waiting and buffered, of a key."""
        database, held = self.database, self.held
        applied = database.position if database.batch == held.seq else 0
        in_batch = sum(amount for member, amount in held.batch[applied:] if member == key)
        return database.stored[key] + database.waiting(key) + held.keys[key].pending + in_batch

    def stepped(self, may_change: bool) -> None:
        """Look at everything after a step.

        Args:
            may_change: whether the step may change a value.

        Raises:
            Violation: something is wrong.
        """
        before, self.held = self.held, self.look()
        self.left_rows |= bool(self.database.rows)
        for key in KEYS:
            change = self.value(key) - self.values[key]
            require(may_change or not change, f"a delta of {key} was lost or counted twice: {change:+}")
            self.values[key] += change
            for reader in self.readers:
                reader.note(key, self.values[key], change)
            self._check_value(key)
            self._check_total(key)
            self._check_group(key)
            self._check_intents(key, self.held.keys[key])
            self._check_frozen(key, before.keys[key], self.held.keys[key])

    def _check_value(self, key: str) -> None:
        if self.is_certain(key):
            unsent = sum(writer.unsent(key) for writer in self.writers)
            value, true = self.values[key] + unsent, self.database.true[key]
            require(value == true, f"the count of {key} is {value}, not {true}, and no note asks for a recount")

    def is_certain(self, key: str) -> bool:
        """Whether nothing asks for a recount of a key, and each of its intents is that of a writer who lives."""
        intents = self.held.keys[key].intents
        alive = {writer.token for writer in self.writers if writer.is_open and writer.is_known}
        return self.held.keys[key].open == set(intents) <= alive and key not in self.database.asked()

    def _check_total(self, key: str) -> None:
        if total := self.held.keys[key].total:
            self._check_cached(key, int(total))

    def _check_group(self, key: str) -> None:
        if self.held.group is not None:
            self._check_cached(key, self.held.group.get(key, 0))

    def _check_cached(self, key: str, value: int) -> None:
        held, expected = self.held.keys[key], self.values[key] - self.database.waiting(key)
        require(value == expected, f"the cached value of {key} is {value}, not {expected}")
        require(not held.frozen, f"a value of {key} is cached, which is frozen")
        missing = [id for id, (owner, _) in self.database.rows.items() if owner == key]
        require(not self.database.returned.intersection(missing), f"a read of {key} misses what was committed")
        require("recount" not in held.intents, f"a value of {key} is cached, of which a recount was asked for")

    def _check_intents(self, key: str, held: Key) -> None:
        """Whoever left an intent may have died: somebody must look at it, and not too early."""
        require(not held.intents or held.look_at is not None, f"nobody will look at the intents of {key}")
        for token, said in held.intents.items():
            left = int(said.rpartition(" ")[2])
            if token == "recount":
                require(held.look_at <= self.clock, f"{key} is not recounted as soon as it was asked for")
            elif is_flagged(said):
                require(self.clock - left >= INTENT_GRACE, f"an intent of {key} was flagged before the grace time")
            else:
                in_time = max(left + INTENT_GRACE, self.clock)
                require(held.look_at <= in_time, f"nobody looks at an intent of {key} after the grace time")

    def _check_frozen(self, key: str, before: Key, after: Key) -> None:
        if before.frozen and after.frozen:
            require(after.open <= before.open, f"{key} is frozen, and took one more intent")
