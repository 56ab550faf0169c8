"""The status of counters, for those who watch them: whatever fails, what is still known is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from .buffers.database import database_status
from .buffers.status import Server, Status
from .counters import Counter
from .exceptions import BufferUnavailable, CounterError


def look_at(counter: Counter, using: str | None = None) -> Status:
    """What waits for a counter, and what its last flush did; see ``Counter.status``.

    A server that does not answer, or deltas that wait elsewhere than the settings say, are told as the status's
    ``problem``.

    Args:
        counter: the counter.
        using: a database alias, where it is not the counter's own.
    """
    stored, buffer = counter.stored(using), counter.buffer
    try:
        status = buffer.status(stored)
    except BufferUnavailable as error:
        known = database_status(buffer, stored)
        return replace(known, problem=str(error), outside=None, amount=None, intents=None, flagged=None)
    try:
        stored.check_layout(stored.look([]).shards[0], buffer.layout.prefix, buffer.layout.shards)
    except CounterError as error:
        return replace(status, problem=str(error).removeprefix(f"{status.label}: "))
    return status


def as_object(status: Status) -> dict[str, Any]:
    """A status as what JSON can hold: its attributes under their own names, and the two ages."""
    return {**asdict(status), "flush_age": status.flush_age, "drift_age": status.drift_age}


def as_text(status: Status) -> str:
    """A status for people: one line for the counter, and below it one for each subject, in columns."""
    head = f"{status.label} on {status.using}, buffer {status.buffer}"
    return "\n".join([head, *(f"    {name:<12}  {said}" for name, said in _lines(status))])


def _lines(status: Status) -> Iterator[tuple[str, str]]:
    if status.problem:
        yield "PROBLEM", status.problem
    yield "waiting", _waiting(status)
    yield "recounts", f"{status.asked} asked for"
    if status.servers:
        yield "intents", _intents(status)
        yield "batch", f"number {status.batch}, {status.position} of {status.size} keys applied"
    yield "last flush", _flush(status)
    yield "filled", "yes" if status.filled else "no: reads count the rows until flushes have counted all of them once"
    if status.lost_at:
        yield "lost data", f"noticed {_moment(status, status.lost_at)}; all keys are being recounted"
    yield "audit", _audit(status)
    yield "last drift", _drift(status)
    for server in status.servers:
        yield "server", _server(server)


def _waiting(status: Status) -> str:
    keys, rows = _number(status.keys, "key"), _number(status.rows, "row")
    if status.outside is None:
        return f"{keys}, {rows} in the database; what waits outside is not known"
    amount = "not known" if status.amount is None else f"{status.amount:+d}"
    return f"{keys}, {status.outside} outside the database; {rows} in it; sum {amount}"


def _intents(status: Status) -> str:
    oldest = "" if status.oldest_intent is None else f", the oldest {_duration(status.oldest_intent)} old"
    return f"{'at least ' * status.cut}{status.intents} open, {status.flagged} of them flagged{oldest}"


def _flush(status: Status) -> str:
    if status.flushed_at is None:
        return "never"
    keys = _number(status.flushed_keys, "key")
    return f"{_moment(status, status.flushed_at)}, took {status.flushed_seconds:.2f} s, {keys}"


def _audit(status: Status) -> str:
    if status.audited_at is None:
        return "never"
    place = f"at {status.audited_to}" if status.audited_to else "at the end of a round"
    return f"{_moment(status, status.audited_at)}, {place}, of {_number(status.audit_keys, 'count')}"


def _drift(status: Status) -> str:
    if status.drift_at is None:
        return "never"
    return f"{_moment(status, status.drift_at)}, {_number(status.drift_keys, 'count')} wrong by {status.drift_amount}"


def _server(server: Server) -> str:
    limit = f" of {server.memory_limit / 2**20:.1f} MiB" if server.memory_limit else ", no limit"
    append_only = "append-only file" if server.append_only else "no append-only file"
    snapshots = "snapshots" if server.snapshots else "no snapshot yet"
    said = f"{server.memory / 2**20:.1f} MiB{limit}, {server.policy}; {append_only}, {snapshots}"
    return f"{said}, {_number(server.replicas, 'replica')}"


def _moment(status: Status, moment: datetime) -> str:
    ago = _duration((status.at - moment).total_seconds())
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}".rstrip() + f" ({ago} ago)"  # no zone where USE_TZ is off


def _number(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def _duration(seconds: float) -> str:
    for length, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {name}"
    return f"{max(seconds, 0):.0f} s"


@dataclass(frozen=True)
class Thresholds:
    """What may not be passed; None for what may be anything.

    Attributes:
        age: seconds since the last flush.
        keys: how many keys have deltas waiting.
        intent_age: seconds since the oldest intent was left.
        drift_within: wrong counts that the audit found so many seconds ago, or less.
    """

    age: float | None = None
    keys: float | None = None
    intent_age: float | None = None
    drift_within: float | None = None

    def passed(self, status: Status) -> Iterator[str]:
        """A sentence for each of them that a status passes."""
        yield from self._flush(status)
        if self.keys is not None and status.keys > self.keys:
            yield f"{status.label}: deltas of {_number(status.keys, 'key')} are waiting, more than {self.keys:g}."
        if self.intent_age is not None and (status.oldest_intent or 0) > self.intent_age:
            yield f"{status.label}: the oldest intent is {status.oldest_intent} s old, more than {self.intent_age:g} s."
        age = status.drift_age
        if self.drift_within is not None and age is not None and age <= self.drift_within:
            found = f"the audit found {_number(status.drift_keys, 'wrong count')} {age:.0f} s ago"
            yield f"{status.label}: {found}, within {self.drift_within:g} s."

    def _flush(self, status: Status) -> Iterator[str]:
        if self.age is None:
            return
        if status.flush_age is None:
            yield f"{status.label}: it has never been flushed, so not within {self.age:g} s."
        elif status.flush_age > self.age:
            yield f"{status.label}: the last flush was {status.flush_age:.0f} s ago, more than {self.age:g} s."
