"""A recount with the Redis buffer: a guard, one database snapshot, and a correction if nothing came between."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...exceptions import BufferMismatch, RecountFailed
from ...ledger.correct import correct_by_rows
from ...ledger.snapshot import RecountResult
from ...ledger.store import CounterStore
from .read import PendingDeltas
from .server import RedisServer
from .shards import Shards


@dataclass(frozen=True)
class Guarded:
    """What Redis holds of a guarded key.

    Attributes:
        deltas: what is pending of it.
        young: whether a writer may be about to push: a recount would count its change twice or not at all.
        tokens: of the transactions that have left an intent.
    """

    deltas: PendingDeltas
    young: bool
    tokens: list[str]


class Recounter:
    """Recounts of one counter's keys on one shard.

    Args:
        server: what holds the deltas.
        shards: tells what the shard's keys are called.
        store: the counter, on one database alias.
        shard: the shard of all keys.
        intent_grace: for how many seconds an intent is waited for.
        max_transaction_age: after how many seconds no push can follow an intent any more.
        correct: false to change nothing.
    """

    def __init__(
        self,
        server: RedisServer,
        shards: Shards,
        store: CounterStore,
        shard: int,
        intent_grace: int,
        max_transaction_age: int,
        correct: bool = True,
    ) -> None:
        self.server = server
        self.store = store
        self.shard = shard
        self.intent_grace = intent_grace
        self.max_transaction_age = max_transaction_age
        self.correct = correct
        self.base = shards.base(store, shard)
        self.id = uuid.uuid4().hex

    def recount(self, keys: Sequence[str]) -> dict[str, RecountResult]:
        """What was found of the keys that nobody has changed meanwhile; the others must be tried again."""
        seq, guarded = self._guard(keys)
        quiet = [key for key in keys if not guarded[key].young]
        if not quiet:
            return {}
        snapshot = self.store.snapshot(quiet, count=True)
        if self.correct and not snapshot.shards[0].agrees:
            self.store.refuse_other("")
        if self.correct and not snapshot.shards[0].prefix:
            return self._correct_by_rows(quiet)
        row = snapshot.shards.get(self.shard) or snapshot.shards[0]
        if row.batch > int(seq):
            self._refuse_loss(row.batch)
            return {}
        found = {key: snapshot.recounted(key, guarded[key].deltas.amount(int(seq), row)) for key in quiet}
        return {key: found[key] for key in self._correct(seq, guarded, found)}

    def _correct_by_rows(self, keys: Sequence[str]) -> dict[str, RecountResult]:
        """Nothing may be pending in Redis, which those would not see who use the database alone."""
        try:
            return correct_by_rows(self.store, keys)
        except BufferMismatch:  # it may again since a moment ago
            return {}

    def _refuse_loss(self, batch: int) -> None:
        """A server that still does not know a batch that the database knows will not know it later either."""
        if int(self.server.get(f"{self.base}:seq") or 0) < batch:
            raise RecountFailed(
                f"{self.store.label}: the server has lost data (the database knows batch {batch}), which a flush sees"
                " to: run manage.py notification_update_counter first."
            )

    def _guard(self, keys: Sequence[str]) -> tuple[str, dict[str, Guarded]]:
        seq, _, _, *rest = self.server.run("guard", self.base, self.id, self.intent_grace, *keys)
        found = (
            Guarded(PendingDeltas(pending, score, str(rank)), bool(young), tokens)
            for pending, score, rank, young, tokens in rest
        )
        return seq, dict(zip(keys, found, strict=True))

    def _correct(self, seq: str, guarded: dict[str, Guarded], found: dict[str, RecountResult]) -> list[str]:
        arguments: list[Any] = [self.id, seq, self.intent_grace, self.max_transaction_age, int(self.correct)]
        for key, one in found.items():
            pending, tokens = guarded[key].deltas, guarded[key].tokens
            arguments += [key, pending.pending, pending.score, pending.rank, one.difference, len(tokens), *tokens]
        done: list[str] = self.server.run("correct", self.base, *arguments)
        return done
