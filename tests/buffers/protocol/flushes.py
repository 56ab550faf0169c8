"""Flushers and healers, one step at a time, as ``flush.py`` and ``redis_recount.py`` take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notifications_counter.buffers.redis.read import PendingDeltas

from .users import Process, Steps
from .world import INTENT_GRACE, KEYS, LONGEST, require, short


class Flusher(Process):
    """Applies what is buffered in Redis, one key a transaction."""

    def start(self) -> Steps:
        held = self.world.held
        return {"look": self.look} if held.batch or any(one.pending for one in held.keys.values()) else {}

    def look(self) -> None:
        database = self.database
        self.known = (database.run_id, database.batch, database.position, database.size)
        self.at = "looked"

    def looked(self) -> Steps:
        return {"claim": self.claim}

    def claim(self) -> None:
        run_id, batch, size, lost = self.run("claim", *self.known)
        self.batch = int(batch)
        self.at = "doubts" if lost else "claimed" if size else "start"
        if not lost:
            self.database.run_id = run_id

    def doubts(self) -> Steps:
        return {"look whether another flusher has moved": self.look_again}

    def look_again(self) -> None:
        before = self.known
        self.look()
        require(before != self.known, "a flusher was told that data were lost, and none were")

    def claimed(self) -> Steps:
        return {} if self.is_locked_out else {"lock": self.lock_progress}

    def lock_progress(self) -> None:
        if self.database.batch > self.batch:
            self.at = "applied"
            return
        self.lock()
        self.position = self.database.position if self.database.batch == self.batch else 0
        self.at = "locked"

    def locked(self) -> Steps:
        return {"slice": self.slice}

    def slice(self) -> None:
        batch, size, self.members = self.run("chunk", self.position, self.position)
        self.size = size
        if not size or int(batch) != self.batch or not self.members:
            self.unlock()
            self.at = "applied"
        else:
            self.at = "sliced"

    def sliced(self) -> Steps:
        return {"commit": self.commit}

    def commit(self) -> None:
        key, amount = self.members
        self.database.stored[key] += int(amount)
        self.database.batch, self.database.position, self.database.size = self.batch, self.position + 1, self.size
        self.unlock()
        self.at = "claimed"

    def applied(self) -> Steps:
        return {"acknowledge": self.acknowledge}

    def acknowledge(self) -> None:
        self.run("acknowledge", self.batch)
        self.at = "start"


class RowFlusher(Process):
    """Applies what waits in rows, in one transaction that holds the progress row's lock."""

    def start(self) -> Steps:
        rows = [id for id, (_, amount) in self.database.rows.items() if amount is not None]
        return {"list rows": self.list} if rows and not self.is_locked_out else {}

    def list(self) -> None:
        self.lock()
        self.rows = {id: (key, amount) for id, (key, amount) in self.database.rows.items() if amount is not None}
        self.at = "listed"

    def listed(self) -> Steps:
        return {"delete totals": self.forget}

    def forget(self) -> None:
        self.run("forget", *sorted({key for key, _ in self.rows.values()}))
        self.at = "forgotten"

    def forgotten(self) -> Steps:
        return {"apply rows": self.apply}

    def apply(self) -> None:
        for id, (key, amount) in self.rows.items():
            self.database.stored[key] += amount
            del self.database.rows[id]
        self.unlock()
        self.at = "start"


class Healer(Process):
    """Recounts keys: those that it is time to look at, those that rows ask for, any."""

    count = 0

    def start(self) -> Steps:
        steps: Steps = {"guard what is due": lambda: self.guard(self.run("due", 100))}
        if asked := sorted(self.database.asked()):
            steps["guard what rows ask for"] = lambda: self.guard(asked, answers=True)
        for key in KEYS:
            steps[f"guard {short(key)}"] = lambda key=key: self.guard([key])
        steps["guard to check"] = lambda: self.guard(KEYS, corrects=False)
        return steps

    def guard(self, keys: Sequence[str], answers: bool = False, corrects: bool = True) -> None:
        if not keys:
            return
        self.count += 1
        self.id = f"{id(self)}-{self.count}"
        self.corrects = corrects
        self.asking = [id for id, (_, amount) in self.database.rows.items() if amount is None] if answers else []
        self.seq, _, _, *found = self.run("guard", self.id, INTENT_GRACE, *keys)
        self.guarded = {key: one for key, one in zip(keys, found, strict=True) if not one[3]}
        self.left = set(keys)
        self.at = "guarding" if self.guarded else "start"

    def guarding(self) -> Steps:
        return {"count": self.look}

    def look(self) -> None:
        look = self.database.look()
        if look.shards[0].batch > int(self.seq):
            self.at = "start"
            return
        self.corrections: list[Any] = []
        for key, (pending, score, rank, _, tokens) in self.guarded.items():
            buffered = PendingDeltas(pending, score, str(rank)).amount(int(self.seq), look.shards[0])
            difference = look.recounted(key, buffered).difference
            self.corrections += [key, pending, score, rank, difference, len(tokens), *tokens]
        self.at = "counted"

    def counted(self) -> Steps:
        return {"correct": self.correct, "correct without a reply": self.correct_and_lose_the_reply}

    def correct(self) -> None:
        done = self.run("correct", self.id, self.seq, INTENT_GRACE, LONGEST, int(self.corrects), *self.corrections)
        self.left -= set(done)
        self.changes = self.corrects
        self.at = "answered" if self.asking and not self.left else "start"

    def correct_and_lose_the_reply(self) -> None:
        """Clients that are given to the buffer may send again what lost its reply."""
        self.correct()
        self.at = "unsure"

    def unsure(self) -> Steps:
        return {"correct again": self.correct_again}

    def correct_again(self) -> None:
        self.correct()
        self.changes = False

    def answered(self) -> Steps:
        return {"delete the rows that asked": self.delete_rows}

    def delete_rows(self) -> None:
        for id in self.asking:
            self.database.rows.pop(id, None)
        self.at = "start"
