"""Emitters put messages on a topic."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseError
from django.utils.timezone import is_naive

from ...compat.transactions import sends_after_commit
from ...conf import is_integer
from ...declaration.keys import is_utf8
from ...exceptions import described, quoted
from . import outbox as rows
from .codecs import Codec, codec_of
from .exceptions import DeliveryFailed, InvalidMessage
from .logs import get_log
from .logs.base import Headers, Log, Outgoing
from .partitioners import Partitioner, partitioner_of, path_of
from .staging import Staged, is_test_case, send_staged, stage

logger = logging.getLogger("notifications_counter")

#: Messages that one append takes at most, and that may wait for theirs before ``emit`` itself waits.
AT_ONCE = 1_000
MOST_WAITING = 10_000
#: Seconds in which more messages may join those of one append; and without any, until the thread ends.
LINGER = 0.005
IDLE = 1.0


class Delivery(NamedTuple):
    """Where a message is.

    Attributes:
        topic: the topic.
        partition: the partition.
        offset: the offset in it.
    """

    topic: str
    partition: int
    offset: int


#: Called with where a message is, or else with what went wrong.
Callback = Callable[[Delivery | None, Exception | None], object]


class _Waiting(NamedTuple):
    message: Outgoing
    callback: Callback | None
    #: Its row in the outbox; empty without one.
    uid: str = ""


class Emitter:
    """Emits messages into one topic; may be used by several threads.

    Args:
        topic: the topic.
        codec: turns values into bytes; ``str``, ``int``, ``bytes``, ``"json"``, or an object with ``encode`` and
            ``decode``.
        partitioner: which partition a key belongs to: ``"murmur2"``, as Kafka's Java client, ``"fnv1a"``, as goka, or a
            function of a key and the number of partitions.
        log: the alias of a log in the settings.
        using: the alias of the database whose transactions its messages belong to; by default that of the embedded
            log, and the default database for other logs.
        outbox: whether what ``emit`` emits is a row of that database until the log has it, so that a process that is
            killed loses nothing. It does not matter for a log in that database, which belongs to the transaction.

    Raises:
        InvalidSettings: one of them cannot be used.
    """

    def __init__(
        self,
        topic: str,
        codec: Any = str,
        *,
        partitioner: str | Partitioner = "murmur2",
        log: str = "default",
        using: str | None = None,
        outbox: bool = False,
    ) -> None:
        self.topic = topic
        self.codec: Codec = codec_of(codec)
        self.partitioner = partitioner_of(partitioner)
        self.log_alias = log
        self._using = using
        self.outbox = outbox
        self._partitioner_path = path_of(partitioner) if outbox else ""
        if outbox and using is not None:
            rows.aliases.add(using)
        self._waiting: queue.Queue[_Waiting] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failed: list[Exception] = []

    @property
    def log(self) -> Log:
        """The log that the topic is in."""
        return get_log(self.log_alias)

    @property
    def using(self) -> str:
        """The alias of the database whose transactions its messages belong to."""
        return self._using or self.log.using or DEFAULT_DB_ALIAS

    def emit(
        self,
        key: str,
        value: Any,
        *,
        headers: Mapping[str, str | bytes] | None = None,
        timestamp: datetime | int | None = None,
        callback: Callback | None = None,
    ) -> None:
        """Emit a message without waiting for its delivery.

        In a transaction it is emitted with the commit: in it, where the log is in that database, else after it. A
        rollback, also to a savepoint, takes the message back. With ``outbox`` a message that could not be delivered is
        sent later, whatever became of this process.

        Args:
            key: the key; messages of one key keep their order.
            value: the value; None for a tombstone, which says that the key is deleted.
            headers: name -> text or bytes.
            timestamp: an aware datetime, or milliseconds since 1970; now without it.
            callback: called with the ``Delivery`` and None, or None and the error, in another thread or after the
                commit. Without one, ``finish`` raises what went wrong.

        Raises:
            InvalidMessage: the key, the value, a header or the timestamp cannot be used. Nothing has been emitted.
        """
        waiting = _Waiting(self._message(key, value, headers, timestamp), callback)
        connection = connections[self.using]
        if self.outbox and not self.log.takes_part_in(self.using):
            self._emit_by_outbox(connection, waiting)
        elif not connection.in_atomic_block:
            self._enqueue(waiting)
        elif not self.log.takes_part_in(self.using):
            connection.on_commit(lambda: self._enqueue(waiting))
        elif is_test_case(connection) or not sends_after_commit(connection):
            self._send([waiting])
        else:
            stage(connection, Staged(self, waiting, self._send_staged, self._report_staged))

    def emit_sync(
        self,
        key: str,
        value: Any,
        *,
        headers: Mapping[str, str | bytes] | None = None,
        timestamp: datetime | int | None = None,
    ) -> Delivery:
        """Emit a message and wait until the log has it.

        In a transaction on the database of the embedded log it belongs to that transaction; another log has it at
        once, whatever becomes of the transaction.

        Args:
            key: as of ``emit``.
            value: as of ``emit``.
            headers: as of ``emit``.
            timestamp: as of ``emit``.

        Returns:
            Where the message is.

        Raises:
            InvalidMessage: as of ``emit``.
            UnknownTopic: there is no such topic.
            DeliveryFailed: the log has not taken it.
        """
        message = self._message(key, value, headers, timestamp)
        if connections[self.using].in_atomic_block:
            send_staged(connections[self.using], self)
        else:
            self._waiting.join()
        return self._append([message])[0]

    def finish(self) -> None:
        """Wait until all messages are delivered that were not emitted in a transaction.

        Raises:
            DeliveryFailed: one without a callback was not.
        """
        self._waiting.join()
        failed, self._failed = self._failed, []
        if failed:
            raise DeliveryFailed(
                f"{len(failed)} messages were not delivered to {quoted(self.topic)}: {described(failed[0])}"
            ) from failed[0]

    def __enter__(self) -> Emitter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:  # which counts for more than what finish could raise
            self._waiting.join()

    # Messages

    def _message(
        self, key: str, value: Any, headers: Mapping[str, str | bytes] | None, timestamp: datetime | int | None
    ) -> Outgoing:
        """A message without its partition, whose number the topic's own at that moment decides."""
        checked_key(key)
        return Outgoing(-1, key, encoded(self.codec, value), milliseconds(timestamp), pairs(headers))

    def _append(self, messages: Sequence[Outgoing]) -> list[Delivery]:
        number = self.log.topic(self.topic).partitions
        partition = self.partitioner
        placed = [Outgoing(partition(one.key or "", number), *one[1:]) for one in messages]
        offsets = self.log.append(self.topic, placed)
        return [Delivery(self.topic, one.partition, offset) for one, offset in zip(placed, offsets, strict=True)]

    # In a transaction

    def _send_staged(self, staged: Sequence[Staged]) -> list[Delivery]:
        return self._append([one.waiting.message for one in staged])

    def _report_staged(self, waiting: _Waiting, delivery: Delivery | None) -> None:
        self._report([waiting], [delivery or DeliveryFailed("The transaction was rolled back by its commit.")])

    # By the outbox

    def _emit_by_outbox(self, connection: Any, waiting: _Waiting) -> None:
        if connection.in_atomic_block and not is_test_case(connection) and sends_after_commit(connection):
            stage(connection, Staged(self, waiting, self._store_staged, self._enqueue_stored))
            return
        (uid,) = self._stored([waiting])
        if connection.in_atomic_block:
            connection.on_commit(lambda: self._enqueue_stored(waiting, uid))
        else:
            self._enqueue_stored(waiting, uid)

    def _stored(self, waiting: Sequence[_Waiting]) -> list[str]:
        messages = [one.message for one in waiting]
        return rows.store(self.using, self.log_alias, self.topic, self._partitioner_path, messages)

    def _store_staged(self, staged: Sequence[Staged]) -> list[str]:
        return self._stored([one.waiting for one in staged])

    def _enqueue_stored(self, waiting: _Waiting, uid: str | None) -> None:
        if uid is None:
            self._report_staged(waiting, None)
        else:
            self._enqueue(_Waiting(rows.with_id(waiting.message, uid), waiting.callback, uid))

    def _note_sent(self, batch: Sequence[_Waiting], outcomes: Sequence[Delivery | Exception]) -> None:
        """Delete the rows of what was delivered, and let others send the rest."""
        if not any(one.uid for one in batch):
            return
        uids: dict[bool, list[str]] = {True: [], False: []}
        for one, outcome in zip(batch, outcomes, strict=True):
            uids[isinstance(outcome, Delivery)].append(one.uid)
        try:
            rows.sent(self.using, uids[True])
            rows.leave(self.using, uids[False])
        except DatabaseError as error:  # they are sent again, with the same ids
            logger.warning("%s: the outbox keeps what was delivered: %s", self.topic, described(error))
            connections[self.using].close_if_unusable_or_obsolete()

    # Without a transaction: a thread, which ends by itself

    def _enqueue(self, waiting: _Waiting) -> None:
        self._waiting.put(waiting)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"emitter of {self.topic}")
                self._thread.start()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._send(batch)
                for _ in batch:
                    self._waiting.task_done()
        finally:
            connections.close_all()

    def _next_batch(self) -> list[_Waiting]:
        """What is to be appended together; nothing where the thread is to end."""
        try:
            batch = [self._waiting.get(timeout=IDLE if threading.main_thread().is_alive() else LINGER)]
        except queue.Empty:
            with self._lock:  # whoever puts something later than this starts a thread
                if self._waiting.empty():
                    self._thread = None
                    return []
            return self._next_batch()
        if self._waiting.empty():
            time.sleep(LINGER)
        with contextlib.suppress(queue.Empty):
            while len(batch) < AT_ONCE:
                batch.append(self._waiting.get_nowait())
        return batch

    def _send(self, batch: Sequence[_Waiting]) -> None:
        try:
            outcomes: Sequence[Delivery | Exception] = self._append([one.message for one in batch])
        except Exception as error:  # whatever it is, whoever has emitted these is told
            outcomes = self._outcomes(error) or [error] * len(batch)
            self._note_sent(batch, outcomes)
            self._report(batch, outcomes)
            if not connections[self.using].in_atomic_block:
                connections[self.using].close_if_unusable_or_obsolete()
        else:
            self._note_sent(batch, outcomes)
            self._report(batch, outcomes)

    def _outcomes(self, error: Exception) -> list[Delivery | Exception]:
        """What became of each message, where the log can tell."""
        found = error.outcomes if isinstance(error, DeliveryFailed) else ()
        return [one if isinstance(one, Exception) else Delivery(self.topic, *one) for one in found]

    def _report(self, batch: Sequence[_Waiting], outcomes: Sequence[Delivery | Exception]) -> None:
        failed = [one for one in outcomes if isinstance(one, Exception)]
        if failed:
            logger.error("%d messages were not delivered to %s: %s", len(failed), self.topic, described(failed[0]))
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.callback is None:
                self._failed += [outcome] if isinstance(outcome, Exception) else []
                continue
            try:
                waiting.callback(*((None, outcome) if isinstance(outcome, Exception) else (outcome, None)))
            except Exception:  # nobody else's message is to suffer from it
                logger.exception("A delivery callback of %s failed", self.topic)


def checked_key(key: object) -> str:
    """A key as it is.

    Raises:
        InvalidMessage: it is no text, or has a NUL, which PostgreSQL does not take, or half a surrogate pair.
    """
    if not isinstance(key, str):
        raise InvalidMessage(f"{quoted(key)} cannot be a key: keys are text.")
    if "\0" in key or (not key.isascii() and not is_utf8(key)):
        raise InvalidMessage(f"{quoted(key)} cannot be a key: it has a character that not every log can hold.")
    return key


def encoded(codec: Codec, value: Any) -> bytes | None:
    """The bytes of a value; None, a tombstone, stays None.

    Raises:
        InvalidMessage: the codec cannot encode it.
    """
    if value is None:
        return None
    try:
        data = codec.encode(value)
    except Exception as error:
        raise InvalidMessage(f"{type(codec).__name__} cannot encode {quoted(value)}: {described(error)}") from error
    if not isinstance(data, bytes):
        raise InvalidMessage(f"{type(codec).__name__}.encode gave {quoted(data)}, which is no bytes object.")
    return data


def milliseconds(given: datetime | int | None) -> int:
    """A moment as milliseconds since 1970; now where none is given.

    Raises:
        InvalidMessage: it is naive, or neither a datetime nor an integer.
    """
    if given is None:
        return time.time_ns() // 1_000_000
    if isinstance(given, datetime) and not is_naive(given):
        return int(given.timestamp() * 1000)
    if is_integer(given) and given >= 0:  # type: ignore[operator]
        return given  # type: ignore[return-value]
    raise InvalidMessage(f"{quoted(given)} cannot be a timestamp: give an aware datetime, or milliseconds since 1970.")


def pairs(headers: Mapping[str, str | bytes] | None) -> Headers:
    """Headers as a log has them.

    Raises:
        InvalidMessage: a name is no text, or a value neither text nor bytes.
    """
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or not isinstance(value, str | bytes):
            raise InvalidMessage(f"{quoted(name)}: {quoted(value)} cannot be a header: use text and bytes.")
    return tuple((name, value.encode() if isinstance(value, str) else value) for name, value in (headers or {}).items())
