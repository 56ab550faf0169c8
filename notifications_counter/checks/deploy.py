"""Checks of a site that runs: ``manage.py check --deploy --database default`` asks its databases and its Redis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db import Error as DatabaseError
from django.db import connections

from ..buffers.recording import configured_buffer
from ..buffers.status import Server, Status
from ..declaration.counter import CounterDeclaration
from ..dialects import dialect_of
from ..exceptions import CounterError, described
from ..ledger.introspection import Tables
from ..ledger.tables import Delta, Progress
from ..monitoring.status import read_status

#: After so many seconds without a flush a check warns.
LONGEST_WITHOUT_FLUSH = 3600


def check_deploy(app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """What is dangerous in how the site's servers are set up, and whether the counters are flushed."""
    return [message for using in databases or () for message in _check_database(using)]


def _check_database(using: str) -> Iterator[CheckMessage]:
    try:
        tables = Tables(using)
        chosen = tables.counters() if tables.has(Delta, Progress) else []
        found = [(counter, read_status(counter, using)) for counter in chosen]
        seconds = dialect_of(connections[using]).statement_seconds(connections[using])
    except (CounterError, DatabaseError) as error:
        hint = "Nothing else was checked there. Correct that first; after an update, migrate."
        yield _warning(f"{using}: the status of the counters cannot be read: {described(error)}", hint, 24)
        return
    yield from _check_flushes(using, [status for _, status in found])
    for status in (status for _, status in found if status.problem and status.outside is not None):
        yield _warning(f"{status.label}: {status.problem}", "Until then nothing of it is read or flushed.", 24)
    yield from _check_servers([status for _, status in found])
    yield from _check_grace(using, seconds, [counter for counter, _ in found])


def _check_flushes(using: str, found: Iterable[Status]) -> Iterator[CheckMessage]:
    late = [f"{status.label} ({since})" for status in found if (since := _without_flush(status))]
    if late:
        sentence = f"{using}: no flush for longer than an hour, or never, of: {', '.join(late)}."
        yield _warning(sentence, "See that something runs: manage.py notification_update_counter", 23)


def _without_flush(status: Status) -> str:
    """How long ago the last flush was, where that is too long; a counter with nothing pending may be new."""
    if status.flush_age is None:
        return "never, and deltas are pending" if status.keys else ""
    return f"{status.flush_age / 3600:.1f} hours" if status.flush_age > LONGEST_WITHOUT_FLUSH else ""


def _check_servers(found: Sequence[Status]) -> Iterator[CheckMessage]:
    """Each server once, though several counters have deltas in it."""
    silent = {status.buffer: status.problem for status in reversed(found) if status.outside is None}
    for problem in silent.values():
        hint = "How that server is set up could not be read. Check again when it answers."
        yield _warning(problem, hint, 24)
    servers = {(status.buffer, server.run_id): server for status in found for server in status.servers}
    for (buffer, _), server in servers.items():
        yield from _check_server(buffer, server)


def _check_server(buffer: str, server: Server) -> Iterator[CheckMessage]:
    if server.evicts:
        sentence = (
            f"Buffer {buffer!r}: when its memory is full, Redis removes deltas: maxmemory-policy {server.policy}."
        )
        yield _warning(sentence, "Set maxmemory-policy to noeviction; deltas then go to the database.", 20)
    if not server.persists:
        sentence = f"Buffer {buffer!r}: Redis writes no append-only file, and no snapshot since it was started."
        hint = "Set appendonly to yes, so that a restart loses little; or silence this where replicas take over."
        yield _warning(sentence, hint, 21)


def _check_grace(using: str, seconds: float | None, chosen: Iterable[CounterDeclaration]) -> Iterator[CheckMessage]:
    buffers = {counter.buffer_alias: configured_buffer(counter).intent_grace for counter in chosen}
    for alias, grace in buffers.items():
        if grace is not None and seconds and grace < seconds:
            sentence = (
                f"Buffer {alias!r}: INTENT_GRACE is {grace} s, but a statement on {using!r} may take {seconds:g} s"
            )
            hint = "Make INTENT_GRACE longer than the statement time-out, or that time-out shorter."
            yield _warning(f"{sentence}, and its keys are recounted in vain meanwhile.", hint, 22)


def _warning(sentence: str, hint: str, number: int) -> Warning:
    return Warning(sentence, hint=hint, id=f"notifications_counter.W{number:03}")
