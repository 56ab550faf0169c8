"""Those who change counts and those who read them, one step at a time.

A step is one script or one transaction of the database, as ``redis.py`` and ``redis_read.py`` take them; between any
two of them any other process may take its own, or the process may crash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from notifications_counter.buffers.redis.read import PendingDeltas, ShardSnapshot
from notifications_counter.ledger.snapshot import in_parts

from .world import GROUP, INTENT_GRACE, KEYS, World, require, short

Steps = dict[str, Callable[[], Any]]


class Process:
    """Something that works step by step.

    Attributes:
        at: the name of the method that says what its next steps may be.
        changes: whether the step that was just taken may have changed a value.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.database = world.database
        self.at = "start"
        self.changes = False

    def steps(self) -> Steps:
        steps: Steps = getattr(self, self.at)()
        return steps

    def start(self) -> Steps:
        raise NotImplementedError

    def crash(self) -> None:
        """Nothing is left of it but what others see: its open transaction ends, and with it its lock."""
        if self.database.locked_by is self:
            self.database.locked_by = None
        self.at = "start"

    def run(self, script: str, *arguments: Any) -> Any:
        return self.world.run(script, *arguments)

    def lock(self) -> bool:
        self.database.locked_by = self
        return True

    def unlock(self) -> None:
        self.database.locked_by = None

    @property
    def is_locked_out(self) -> bool:
        return self.database.locked_by not in (None, self)


class Writer(Process):
    """Transactions that change the same counts each time.

    Args:
        world: what it works on.
        changes_by: key -> by how much a transaction changes its true count.
        is_known: whether it knows that, or asks for a recount.
        may_fall_back: whether it may find Redis unreachable.
    """

    def __init__(self, world: World, changes_by: dict[str, int], is_known: bool, may_fall_back: bool) -> None:
        super().__init__(world)
        self.changes_by = changes_by
        self.is_known = is_known
        self.may_fall_back = may_fall_back
        self.transactions = 0
        self.token = ""
        self.accepted: list[str] = []
        self.rows: list[int] = []
        world.writers.append(self)

    @property
    def is_open(self) -> bool:
        return self.at != "start"

    def unsent(self, key: str) -> int:
        """What it has committed and not pushed yet."""
        return self.changes_by[key] if self.at == "committed" and key in self.accepted else 0

    def start(self) -> Steps:
        steps: Steps = {"intend": self.intend}
        if self.may_fall_back:
            steps |= {"find no Redis": self.find_no_redis, "lose Redis": self.lose_redis}
        return steps

    def intend(self) -> None:
        frozen = self._intend()
        self.accepted = [key for key in self.changes_by if key not in frozen]

    def find_no_redis(self) -> None:
        self._begin()
        self.accepted = []

    def lose_redis(self) -> None:
        """The intents arrive, their reply does not."""
        self._intend()
        self.accepted = []

    def _begin(self) -> None:
        self.transactions += 1
        self.token = f"{self.world.writers.index(self)}-{self.transactions}"
        self.at = "open"

    def _intend(self) -> list[str]:
        self._begin()
        frozen: list[str] = self.run("intend", self.token, INTENT_GRACE, *self.changes_by)
        return frozen

    def open(self) -> Steps:
        return {"commit": self.commit, "roll back": self.roll_back}

    def commit(self) -> None:
        self.rows = []
        for key, change in self.changes_by.items():
            self.database.true[key] += change
            if key not in self.accepted:
                self.rows.append(self.database.leave(key, change if self.is_known else None))
        self.changes = True
        self.at = "committed" if self.accepted else "left_rows"

    def roll_back(self) -> None:
        """A commit that fails. Its intents stay, as those of a process that died do."""
        self.at = "start"

    def committed(self) -> Steps:
        return {"push": self.push, "push without a reply": self.push_and_lose_the_reply}

    def push(self) -> None:
        sums = [part for key in self.accepted for part in (key, self.changes_by[key] if self.is_known else "?")]
        self.run("push", self.token, *sums)
        self._check_token()
        self.changes = True
        self.at = "left_rows" if self.rows else "start"

    def left_rows(self) -> Steps:
        steps: Steps = {"forget": self.forget}
        if self.may_fall_back:
            steps["find Redis gone"] = self.crash
        return steps

    def forget(self) -> None:
        """From here on the caller goes on, and every read must include the change."""
        self.run("forget", *(key for key in self.changes_by if key not in self.accepted))
        self.database.returned.update(self.rows)
        self.at = "start"

    def _check_token(self) -> None:
        held = self.world.look().keys
        left = [key for key in self.accepted if self.token in held[key].intents]
        require(not left, f"a transaction is over, and its intents are left: {left}")

    def push_and_lose_the_reply(self) -> None:
        self.push()
        self.at = "unsure"

    def unsure(self) -> Steps:
        return {"push again": self.push_again}

    def push_again(self) -> None:
        self.push()
        self.changes = False


class Reader(Process):
    """Reads of some keys at once."""

    def __init__(self, world: World, keys: Sequence[str]) -> None:
        super().__init__(world)
        self.keys = keys
        self.held: dict[str, set[int]] = {}
        world.readers.append(self)

    def note(self, key: str, value: int, change: int) -> None:
        """A value has changed while the read is under way.

        Where some changes wait in rows, it may see a row and miss an earlier push that came after its first look: then
        each change made meanwhile may or may not be in what it returns.
        """
        if key in self.held:
            self.held[key] |= {before + change for before in self.held[key]} if self.world.left_rows else {value}

    def start(self) -> Steps:
        return {"snapshot": self.snapshot}

    def snapshot(self) -> None:
        self.held = {key: {self.world.values[key]} for key in self.keys}
        self.missing = [key for key in self.keys if self.world.cached(key) is None]
        if not self.missing:
            return
        seq, version, has_batch, *rest = self.run("snapshot", *self.missing)
        parts = zip(self.missing, in_parts(rest, 4), strict=True)
        found = {
            key: PendingDeltas(pending, score, str(rank), bool(asked)) for key, (pending, score, rank, asked) in parts
        }
        self.seen = ShardSnapshot(seq, version, bool(has_batch), found)
        self.at = "snapped"

    def snapped(self) -> Steps:
        return {"read": self.read}

    def read(self) -> None:
        look = self.database.look()
        row = look.shards[0]
        if self.seen.is_older_than(row):
            self.at = "start"
            return
        require(not self.seen.is_newer_than(row), "a reader takes the database for one of the past")
        known = [
            key
            for key in self.missing
            if not self.seen.keys[key].recount_requested and key not in look.recount_requests
        ]
        stored = look.in_database(known)
        values = {key: stored[key] + self.seen.keys[key].amount(int(self.seen.seq), row) for key in known}
        for key, value in values.items():
            require(value in self.held[key], f"a read of {key} returned {value}, which never held")
        self.values = {key: value for key, value in values.items() if key not in look.pending}
        self.at = "worked_out" if self.values else "start"

    def worked_out(self) -> Steps:
        return {"fill": self.fill}

    def fill(self) -> None:
        arguments: list[Any] = [3600, self.seen.seq, self.seen.version]
        for key, value in self.values.items():
            held = self.seen.keys[key]
            arguments += [key, held.pending, held.score, held.rank, value]
        self.run("fill", *arguments)
        self.at = "start"


class GroupReader(Reader):
    """Reads of all keys of the group, of which it does not know which they are."""

    def snapshot(self) -> None:
        self.held = {key: {self.world.values[key]} for key in self.keys}
        is_cached, *reply = self.run("group", GROUP, 1)
        if is_cached:
            return
        seq, version, has_batch, keys = reply
        found = {key: PendingDeltas(pending, score, rank, bool(asked)) for key, pending, score, rank, asked in keys}
        self.seen = ShardSnapshot(seq, version, bool(has_batch), found)
        self.at = "snapped"

    def read(self) -> None:
        look = self.database.look()
        row = look.shards[0]
        if self.seen.is_older_than(row):
            self.at = "start"
            return
        asked = look.recount_requests | {key for key, held in self.seen.keys.items() if held.recount_requested}
        self.values = look.in_database(self.keys)
        for key, held in self.seen.keys.items():
            self.values[key] += held.amount(int(self.seen.seq), row)
        for key in self.values.keys() - asked:
            require(self.values[key] in self.held[key], f"a read of {key} returned what never held")
        self.at = "start" if look.pending or asked else "worked_out"

    def fill(self) -> None:
        arguments: list[Any] = [3600, self.seen.seq, self.seen.version, GROUP, len(self.seen.keys)]
        for key, held in self.seen.keys.items():
            arguments += [key, held.pending, held.score, held.rank]
        self.run("fill_group", *arguments, *(part for key in KEYS for part in (short(key), self.values[key])))
        self.at = "start"
