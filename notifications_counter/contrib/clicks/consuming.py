"""Taking clicks from the broker: each chunk is counted in one transaction, and acknowledged after its commit."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, connections

from ...exceptions import BrokerUnavailable, InvalidDelta, InvalidKey, described
from .addresses import normalise
from .bodies import Read, Refused, read
from .broker import Broker, dead_letters
from .conf import clicks_settings
from .kept import count_kept
from .once import count_once, forget_ids, oldest_taken
from .publishing import Confirmed

logger = logging.getLogger("notifications_counter")

#: How many messages one transaction counts, and one acknowledgement settles.
CHUNK = 2_000

#: How many the broker may hand over beforehand: what a killed consumer holds comes back, and each return is counted.
PREFETCH = 2 * CHUNK

#: How many addresses a consumer knows as they are normalised: most clicks are on few.
ADDRESSES = 10_000

#: Seconds after which a chunk that is not full is counted.
LINGER = 0.5

#: Seconds that a broker has for each answer, and between two heartbeats.
ANSWER, HEARTBEAT = 10, 30

#: Seconds without a message after which another connection is opened: RabbitMQ tells a consumer that its queue was
#: deleted, but if there is another one of that name at once, it says nothing, and hands over nothing any more.
QUIET = 60

#: Seconds between two rounds of what else there is to do: clicks that the database keeps, ids to forget.
ROUND = 60

#: Seconds between two tries, the first and the longest.
FIRST_WAIT, LONGEST_WAIT = 0.5, 30


@dataclass
class Consumed:
    """What was done.

    Attributes:
        counted: clicks that were counted, those without an id and those that the database had kept included.
        without_id: of these, messages without an id: should one come twice, it has counted twice.
        from_database: of these, clicks that the database had kept because no broker took them.
        duplicates: messages of clicks that had been counted before.
        refused: messages that cannot be counted, now in the queue of dead letters.
    """

    counted: int = 0
    without_id: int = 0
    from_database: int = 0
    duplicates: int = 0
    refused: int = 0


class Consumer:
    """Takes clicks from the broker, one chunk after the other.

    Args:
        stopping: set by whoever wants it to end after its chunk.
        report: called with what has been done so far, after each chunk.
        quiet: the seconds without a message after which another connection is opened.
    """

    def __init__(
        self,
        stopping: threading.Event | None = None,
        report: Callable[[Consumed], None] | None = None,
        quiet: float = QUIET,
    ) -> None:
        self.quiet = quiet
        self.stopping = stopping or threading.Event()
        self.report = report
        self.done = Consumed()
        self._normalise = lru_cache(ADDRESSES)(normalise)
        self._held: list[Any] = []
        self._next_round = 0.0

    def run_once(self) -> Consumed:
        """Count what the database has kept and what is in the queue now, and return.

        Raises:
            BrokerUnavailable: the broker does not answer, or refuses.
            DatabaseError: the database does. What was not counted is still where it was.
        """
        self._look_after_database()
        with self._session() as broker:
            self._take(broker, self._waiting(broker))
        return self.done

    def run(self) -> Consumed:
        """Count until ``stopping`` is set. Broker and database may be away meanwhile: it waits for them."""
        wait, failing = FIRST_WAIT, ""
        while not self.stopping.is_set():
            before = self.done.counted + self.done.duplicates
            try:
                self._look_after_database()  # first, so that nobody takes messages who cannot count them
                with self._session() as broker:
                    if failing:
                        logger.warning("Clicks are taken from the broker again.")
                    wait, failing = FIRST_WAIT, ""
                    self._take(broker, None)
            except (BrokerUnavailable, DatabaseError) as error:
                if not failing:
                    logger.error("Clicks wait in the broker: %s It is tried again.", sentence(error))
                # One that fails at each chunk must not take it again and again without a pause.
                progress = self.done.counted + self.done.duplicates > before
                wait, failing = FIRST_WAIT if progress else min(wait * 2, LONGEST_WAIT), sentence(error)
                self._next_round = 0.0  # nothing is taken before the database answers
                close_unusable()
                self.stopping.wait(wait)
        return self.done

    # One connection

    @contextlib.contextmanager
    def _session(self) -> Any:
        """One connection to the broker: with it goes all that is held, which the broker hands out again."""
        self._held = []
        broker = Broker(ANSWER, HEARTBEAT)
        try:
            with broker.explained():
                for problem in broker.declare():
                    logger.warning("%s It is used as it is.", problem.rstrip(".") + ".")
                self._dead = Confirmed(broker)
                yield broker
        finally:
            self._held = []
            broker.close(politely=True)

    def _waiting(self, broker: Broker) -> int:
        channel = broker.connection.channel()
        try:
            return int(channel.queue_declare(clicks_settings().QUEUE, passive=True).message_count)
        finally:
            broker.connection.maybe_close_channel(channel)

    def _take(self, broker: Broker, most: int | None) -> None:
        """Take messages: so many, as far as they come, or until it is to stop."""
        broker.consume(lambda message: self._held.append(message), PREFETCH)
        taken, next_beat, since = 0, 0.0, time.monotonic()
        while not self.stopping.is_set() and (most is None or taken < most):
            chunk = self._next_chunk(broker, CHUNK if most is None else min(CHUNK, most - taken))
            if chunk:
                self._settle(broker, chunk)
                taken += len(chunk)
                since = time.monotonic()
            elif most is not None or time.monotonic() > since + self.quiet:
                return  # others have taken the rest; or nobody will ever say anything on this connection
            if time.monotonic() > next_beat:
                broker.connection.heartbeat_check()
                next_beat = time.monotonic() + HEARTBEAT / 4
            self._look_after_database()

    def _next_chunk(self, broker: Broker, size: int) -> list[Any]:
        """Messages that have come: enough for a chunk, or those that came within a moment."""
        end = time.monotonic() + LINGER

        def is_enough() -> bool:
            return len(self._held) >= size or time.monotonic() >= end or self.stopping.is_set()

        if not is_enough():
            with contextlib.suppress(TimeoutError):
                broker.drain(LINGER, is_enough)
        chunk, self._held = self._held, []
        return chunk

    def _settle(self, broker: Broker, messages: Sequence[Any]) -> None:
        """Count a chunk, put aside what cannot be counted, and acknowledge all of it then."""
        reads, refused, oldest = [], [], oldest_taken()
        for message in messages:
            try:
                reads.append((message, read_recent(message, oldest, self._normalise)))
            except Refused as error:
                refused.append((message, str(error)))
        broker.limit(ANSWER)
        refused += self._count(reads)
        self._put_aside(refused)
        if broker.is_amqp:
            messages[-1].ack(multiple=True)
        else:
            for message in messages:
                message.ack()
        if self.report:
            self.report(self.done)

    def _count(self, reads: Sequence[tuple[Any, Read]]) -> list[tuple[Any, str]]:
        """Count clicks in one transaction; where one of them makes that impossible, each in its own.

        Returns:
            The messages of those that cannot be counted, and why.
        """
        events = [one.event for _, one in reads if one.has_id]
        anonymous = [one.event for _, one in reads if not one.has_id]
        try:
            new = count_once(events, anonymous=anonymous)
        except (
            InvalidKey,
            InvalidDelta,
            DataError,
            IntegrityError,
        ) as error:  # whatever else fails is no click's fault
            if len(reads) == 1:
                return [(reads[0][0], described(error))]
            return [refused for one in reads for refused in self._count([one])]
        self.done.counted += new + len(anonymous)
        self.done.without_id += len(anonymous)
        self.done.duplicates += len(events) - new
        return []

    def _put_aside(self, refused: Sequence[tuple[Any, str]]) -> None:
        """Publish what cannot be counted to the queue of dead letters, confirmed, as it came, and with the reason."""
        deadline = time.monotonic() + ANSWER
        for message, reason in refused:
            self._dead.send(
                uuid.uuid4().hex,
                body_of(message),
                deadline,
                exchange="",
                routing_key=dead_letters(),
                content_type=message.content_type or "application/octet-stream",
                headers={**(message.headers or {}), "x-refused": reason},
            )
            logger.error("A message cannot be counted, and is in the queue %s: %s", dead_letters(), reason)
        if self._dead.wait(deadline):
            raise BrokerUnavailable(f"The queue {dead_letters()!r} takes no messages.")
        self.done.refused += len(refused)

    def _look_after_database(self) -> None:
        """Now and then, count what the database has kept, and forget ids.

        Raises:
            DatabaseError: the database does not answer.
        """
        if time.monotonic() < self._next_round:
            return
        kept = count_kept()
        self.done.counted += kept
        self.done.from_database += kept
        forget_ids()
        self._next_round = time.monotonic() + ROUND
        close_unusable()


def read_recent(message: Any, oldest: datetime, normalised: Callable[[str], str]) -> Read:
    """Read a message.

    Args:
        message: of Kombu's.
        oldest: the moment of the oldest click that is taken.
        normalised: gives an address as ``normalise`` does.

    Raises:
        Refused: it is no click, or one so old that its id may be forgotten.
    """
    found = read(message, normalised)
    if found.has_id and found.event.at < oldest:
        raise Refused(f"it is of {found.event.at.isoformat()}: older than KEEP_IDS_DAYS, it may have been counted")
    return found


def body_of(message: Any) -> bytes:
    """The body as it came."""
    return message.body.encode() if isinstance(message.body, str) else bytes(message.body)


def close_unusable() -> None:
    """Let go of connections to the database that were lost, or are older than the settings allow."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def sentence(error: Exception) -> str:
    """What an error says, with a full stop."""
    return f"{described(error).rstrip('.')}."
