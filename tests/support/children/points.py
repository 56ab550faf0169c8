"""The named points at which a process can be told to die by SIGKILL: before and after each step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

REDIS = "notifications_counter.buffers.redis.server:RedisServer.run"

#: Step -> where its function is found, as module:attributes; a script of the Redis buffer is its name.
STEPS = {
    "commit": "django.db.backends.base.base:BaseDatabaseWrapper._commit",
    "intend": "notifications_counter.buffers.redis.buffer:RedisBuffer.intend",
    "push": "notifications_counter.buffers.redis.buffer:RedisBuffer.push",
    "leave rows": "notifications_counter.ledger.deltas:insert",
    "look": "notifications_counter.ledger.store:CounterStore.snapshot",
    "lock progress": "notifications_counter.ledger.progress:lock",
    "save progress": "notifications_counter.ledger.progress:save",
    "note progress": "notifications_counter.ledger.progress:move",
    "take rows": "notifications_counter.ledger.deltas:pop",
    "add sums": "notifications_counter.applying.upsert:add",
    "delete rows": "notifications_counter.ledger.deltas:delete",
    "list asked": "notifications_counter.ledger.deltas:recount_requests",
    "recount rows": "notifications_counter.buffers.database:correct_by_rows",
    "recount": "notifications_counter.reconciliation.recount:recount_once",
    "recount a slice": "notifications_counter.flushing.flush:recount_next",
    "take an audit's slice": "notifications_counter.reconciliation.audit:_take",
    "audit": "notifications_counter.reconciliation.audit:recount_once",
    "note an audit": "notifications_counter.reconciliation.audit:_note",
    "read deliveries": "notifications_counter.inbox.deliveries:delivered",
    "note deliveries": "notifications_counter.inbox.deliveries:note",
    "create for users": "notifications_counter.querysets:NotificationQuerySet.create_for",
}

#: Buffer -> role -> the steps at which processes in that role are killed, before and after each.
#: A writer counts what it changes, and reads counts; a flusher flushes and heals. An asker is a writer who also asks
#: for recounts; an auditor is a flusher who also audits, and recounts everything in each way that there is.
ROLES: dict[str, dict[str, list[str]]] = {
    "database": {
        "writer": ["leave rows", "commit", "look"],
        "flusher": ["lock progress", "take rows", "add sums", "commit"],
        "asker": ["leave rows", "commit", "recount rows"],
        "auditor": [
            *["list asked", "recount rows", "recount", "delete rows", "commit"],
            *["recount a slice", "note progress", "take an audit's slice", "audit", "note an audit"],
        ],
    },
    "redis": {
        "writer": ["intend", "commit", "push", "snapshot", "look", "fill"],
        "flusher": [
            *["due", "guard", "look", "correct", "claim", "lock progress"],
            *["chunk", "add sums", "save progress", "commit", "acknowledge"],
        ],
        "asker": ["intend", "push", "guard", "correct"],
        "auditor": [
            *["recount", "recount a slice", "note progress", "take an audit's slice", "audit", "note an audit"],
            # Of frozen keys deltas wait in rows.
            *["freeze", "take rows", "forget"],
        ],
    },
}


class Point(NamedTuple):
    """Where to die: before or after a step, for which time."""

    when: str
    step: str
    times: int

    def __str__(self) -> str:
        return f"{self.when} {self.step}"


def points(buffer: str, role: str) -> list[tuple[str, str]]:
    return [(when, step) for step in ROLES[buffer][role] for when in ("before", "after")]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: Point, act: Callable[[], None] = die) -> None:
    """Let this process die, or do something else, at a point."""
    module, _, path = STEPS.get(point.step, REDIS).partition(":")
    owner: Any = import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    script = None if point.step in STEPS else point.step
    setattr(owner, name, acting(getattr(owner, name), point, script, act))


def acting(
    function: Callable[..., Any], point: Point, script: str | None, act: Callable[[], None]
) -> Callable[..., Any]:
    left = [point.times]

    def is_it(arguments: tuple[Any, ...]) -> bool:
        if script is None or script == arguments[1]:  # a script's name comes after self
            left[0] -= 1
            return left[0] == 0
        return False

    def call(*arguments: Any, **named: Any) -> Any:
        here = is_it(arguments)
        if here and point.when == "before":
            act()
        result = function(*arguments, **named)
        if here:
            act()
        return result

    return call
