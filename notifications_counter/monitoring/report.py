"""A status as text for people, and as what JSON can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ..buffers.status import Server, Status
from ..exceptions import one_line, quoted


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
    yield "database", _database(status)
    yield "pending", _pending(status)
    for key, reason in status.refused.items():
        yield "set aside", f"{quoted(key)}: {' '.join(reason.split())[:200]}"
    yield "recounts", f"{status.recount_requests} requested"
    if status.servers:
        yield "intents", _intents(status)
        yield "batch", f"number {status.batch}, {status.position} of {status.size} keys applied"
    yield "last flush", _flush(status)
    yield (
        "backfilled",
        "yes" if status.backfilled else "no: reads count the rows until flushes have counted all of them once",
    )
    if status.declaration:
        yield "declaration", status.declaration
    if status.lost_at:
        yield "lost data", f"noticed {_moment(status, status.lost_at)}; all keys are being recounted"
    yield "audit", _audit(status)
    yield "last drift", _drift(status)
    for server in status.servers:
        yield "server", _server(server)


def _database(status: Status) -> str:
    if not status.database:
        return "a copy of another one, or moved: the next flush gives it an identity of its own"
    if status.copied_at is None:
        return status.database
    return f"{status.database}, a copy of another one, noticed {_moment(status, status.copied_at)}. {status.copy}"


def _pending(status: Status) -> str:
    keys, rows = number(status.keys, "key"), number(status.rows, "row")
    if status.outside is None:
        return f"{keys}, {rows} in the database; what is pending outside is not known"
    amount = "not known" if status.amount is None else f"{status.amount:+}"
    return f"{keys}, {status.outside} outside the database; {rows} in it; sum {amount}"


def _intents(status: Status) -> str:
    oldest = "" if status.oldest_intent is None else f", the oldest {_duration(status.oldest_intent)} old"
    return f"{'at least ' * status.cut}{status.intents} open, {status.flagged} of them flagged{oldest}"


def _flush(status: Status) -> str:
    if status.flushed_at is None:
        return "never"
    keys = number(status.flushed_keys, "key")
    return f"{_moment(status, status.flushed_at)}, took {status.flushed_seconds:.2f} s, {keys}"


def _audit(status: Status) -> str:
    if status.audited_at is None:
        return "never"
    place = f"at {one_line(status.audited_to)}" if status.audited_to else "at the end of a round"
    return f"{_moment(status, status.audited_at)}, {place}, of {number(status.audit_keys, 'count')}"


def _drift(status: Status) -> str:
    if status.drift_at is None:
        return "never"
    return f"{_moment(status, status.drift_at)}, {number(status.drift_keys, 'count')} wrong by {status.drift_amount}"


def _server(server: Server) -> str:
    limit = f" of {server.memory_limit / 2**20:.1f} MiB" if server.memory_limit else ", no limit"
    append_only = "append-only file" if server.append_only else "no append-only file"
    snapshots = "snapshots" if server.snapshots else "no snapshot yet"
    said = f"{server.memory / 2**20:.1f} MiB{limit}, {server.policy}; {append_only}, {snapshots}"
    return f"{said}, {number(server.replicas, 'replica')}"


def _moment(status: Status, moment: datetime) -> str:
    ago = _duration((status.at - moment).total_seconds())
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}".rstrip() + f" ({ago} ago)"  # no zone where USE_TZ is off


def number(amount: int, what: str) -> str:
    """A number and what it is of: ``1 key``, ``2 keys``."""
    return f"1 {what}" if amount == 1 else f"{amount} {what}s"


def _duration(seconds: float) -> str:
    for length, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {name}"
    return f"{max(seconds, 0):.0f} s"
