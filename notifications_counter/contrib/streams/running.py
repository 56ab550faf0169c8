"""The run of a processor: it joins its group, takes partitions, and applies chunk after chunk."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ...dialects import dialect_of
from ...exceptions import BufferUnavailable, CounterError, described
from . import outbox, progress
from .assigned import membership_of
from .chunks import Chunk
from .conf import streams_settings
from .exceptions import Fenced, LogUnavailable
from .logs.base import Batch, Reader, TopicPartition
from .membership import Membership
from .processor import Processor

logger = logging.getLogger("notifications_counter")

#: Seconds before the next try while the database or the log fails.
PAUSES = (0.1, 0.2, 0.5, 1, 2, 5)
#: Seconds between two lines of the log at least.
SAY_EVERY = 10.0
#: Seconds after which what the rate was counts a third.
RATE_OVER = 10.0

#: The setting that ends a transaction in which nothing happens, and how many of its unit are a second.
IDLE_TIMEOUT = {
    "PostgreSQL": ("idle_in_transaction_session_timeout", 1000),
    "MariaDB": ("idle_transaction_timeout", 1),
}

Say = Callable[[str], object]


class Runner:
    """One member of a group at work; used by one thread.

    Args:
        processor: the processor.
        once: whether to end when all has been applied that was there at the start, by whichever member.
        stopped: asked between chunks; a true answer ends the run.
        say: takes lines about what has been done.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        once: bool = False,
        stopped: Callable[[], bool] = lambda: False,
        say: Say = lambda line: None,
    ) -> None:
        self.processor = processor
        self.once = once
        self.stopped = stopped
        self.say = say
        self.reader: Reader = processor.log.reader(processor.group)
        self.membership: Membership | None = None
        self.offsets: dict[TopicPartition, int] = {}
        self.applied = 0
        self._rates: dict[TopicPartition, tuple[float, float]] = {}
        self._targets: dict[TopicPartition, int] = {}
        self._said = time.monotonic()
        self._balanced = 0.0
        self._guarded: Any = None

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """The connection to the database of the table."""
        return connections[self.processor.using]

    @property
    def interval(self) -> float:
        """Seconds between two signs of life, and between two looks for who has which partitions."""
        return min(1.0, streams_settings().SESSION_TIMEOUT / 4)

    def run(self) -> None:
        """Run until it is stopped, or, with ``once``, until the end.

        Raises:
            ProcessingFailed: a message cannot be processed. Those before it were applied.
            TopicReplaced: an offset belongs to a topic that is gone.
            OffsetGone: messages that were not read yet are no longer kept.
            LogTruncated: messages that were read are other ones now.
            StreamError: the topics are not there, or have different numbers of partitions.
        """
        self._retried(self.begin)
        if self.membership is None:  # it was told to stop before the database answered
            return
        alive, sender = KeepAlive(self), outbox.Sender(self.processor.using)
        if not self.connection.in_atomic_block:  # of a test case, whose rows nobody else sees
            alive.start()
            sender.start()
        try:
            while not self.stopped() and not self._retried(self._is_at_end):
                self._retried(self.step, max(0.0, self._balanced + self.interval - time.monotonic()))
        finally:
            alive.end()
            sender.end()
            self.end()
            self._unguard()

    def begin(self) -> None:
        """Join the group."""
        partitions = progress.prepare(self.processor)
        if self.once and not self._targets:
            self._targets = {
                TopicPartition(topic, number): end
                for topic in self.processor.inputs
                for number, end in self.processor.log.ends(topic).items()
            }
        self.membership = membership_of(self.processor, partitions, self.reader)
        self.membership.join()

    def step(self, timeout: float = 0) -> int:
        """Look who has which partitions, if it is time to, and apply one chunk.

        Args:
            timeout: how many seconds to wait for messages.

        Returns:
            How many messages were applied.
        """
        self.rebalance()
        batch = self.reader.poll(self.processor.chunk_size, timeout, self.stopped)
        return 0 if batch is None else self.apply(batch)

    # Partitions

    def rebalance(self, now: bool = False) -> None:
        """Take and give up partitions, if it is time to.

        Args:
            now: whether it is time in any case.
        """
        if not (now or self.reader.has_news) and time.monotonic() < self._balanced + self.interval:
            return
        members = self._members()
        change = members.balance()
        if change.lost:
            self.say(f"{self.processor.group}: lost {numbers(change.lost)}")
        if change.surplus:
            members.release(change.surplus)
            self.say(f"{self.processor.group}: gave up {numbers(change.surplus)}")
        if change.taken:
            self.say(f"{self.processor.group}: took {numbers(change.taken)}")
        gone = change.lost | change.surplus
        if gone or change.taken:
            self._read_held(gone)
            self._call(self.processor.on_revoked, gone)
            self._call(self.processor.on_assigned, change.taken)
        self._balanced = time.monotonic()

    def _members(self) -> Membership:
        assert self.membership is not None, "begin() comes first"
        return self.membership

    def _read_held(self, gone: Iterable[int] = ()) -> None:
        """Read what this member has, new partitions from where the group stands.

        Args:
            gone: what it had before: if it has been given back already, its offset may be another one now.
        """
        found = self._positions()
        if gone:
            self.offsets = {source: at for source, at in self.offsets.items() if source.partition not in gone}
            self.reader.assign({source: at for source, at in found.items() if source in self.offsets})
        self.offsets = {source: self.offsets.get(source, position.offset) for source, position in found.items()}
        self.reader.assign(found)

    def _positions(self) -> dict[TopicPartition, Any]:
        found = progress.positions(self.processor, self._members().held)
        progress.refuse_replaced(self.processor, found)
        return found

    def _read_again(self) -> None:
        """Forget what is in memory, and go on from what the rows say."""
        self.offsets = {}
        self.reader.assign({})
        self._read_held()

    def _call(self, function: Callable[[list[int]], object] | None, partitions: Iterable[int]) -> None:
        if function is not None and partitions:
            function(sorted(partitions))

    # Messages

    def apply(self, batch: Batch) -> int:
        """Apply the messages of one partition; how many it were, none where another member has the partition."""
        source = batch.source
        chunk = self.chunk(source, self._rate(source, len(batch.records)), batch.epoch)
        try:
            chunk.apply(batch.records, batch.next_offset)
        except Fenced as error:
            logger.warning("%s", error)
            self.say(str(error))
            self._read_again()
            self.rebalance(now=True)
            return 0
        self.offsets[source] = chunk.before
        self.reader.applied(source, chunk.before)
        self.applied += len(batch.records)
        self._say_now_and_then()
        return len(batch.records)

    def chunk(self, source: TopicPartition, rate: float = 0, epoch: int | None = None) -> Chunk:
        """The chunk that comes next in a partition.

        Args:
            source: the partition, one that this member has.
            rate: messages a second, lately.
            epoch: as of ``Position``.
        """
        generation, before = self._members().held[source.partition], self.offsets[source]
        return Chunk(self.processor, source, generation=generation, before=before, rate=rate, epoch=epoch)

    def _rate(self, source: TopicPartition, messages: int) -> float:
        """Messages a second of a partition: an average in which what is long ago counts less."""
        now = time.monotonic()
        rate, since = self._rates.get(source, (0.0, now - RATE_OVER))
        elapsed = max(now - since, 1e-6)
        weight = elapsed / (elapsed + RATE_OVER)
        found = rate * (1 - weight) + messages / elapsed * weight
        self._rates[source] = found, now
        return found

    def _is_at_end(self) -> bool:
        """Whether all was applied that was there at the start."""
        if not self.once:
            return False
        if self._is_behind():
            return False
        wanted = {source.partition for source in self._targets}
        stands = progress.positions(self.processor, wanted)
        return all(source in stands and stands[source].offset >= end for source, end in self._targets.items())

    def _is_behind(self) -> bool:
        """Whether a partition of this member's own is not at its end yet."""
        return any(offset < self._targets.get(source, 0) for source, offset in self.offsets.items())

    def _say_now_and_then(self) -> None:
        if time.monotonic() >= self._said + SAY_EVERY:
            self._say_how_far()

    def _say_how_far(self) -> None:
        elapsed = time.monotonic() - self._said
        if self.applied:
            self.say(f"{self.processor.group}: {self.applied:,} messages, {self.applied / elapsed:,.0f} a second")
        self.applied, self._said = 0, time.monotonic()

    # Failures

    def _retried(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call something, again and again while a server fails in a way that may pass."""
        for number in range(2**31):
            try:
                self._guard()
                if number:
                    self._recover()
                return function(*arguments)
            except (DatabaseError, LogUnavailable, BufferUnavailable) as error:
                if not self._may_pass(error):
                    raise
                pause = PAUSES[min(number, len(PAUSES) - 1)]
                logger.warning("%s: trying again in %s s: %s", self.processor.group, pause, described(error))
            if self._waits(pause):
                return None
        raise AssertionError

    def _guard(self) -> None:
        """Let the server end a transaction in which this process stands still, with the rows that it has locked.

        Its partitions are taken by others then, who need these rows.
        """
        self.connection.ensure_connection()
        if self._guarded is not self.connection.connection and not self.connection.in_atomic_block:
            self._set_idle_timeout(streams_settings().SESSION_TIMEOUT)
            self._guarded = self.connection.connection

    def _unguard(self) -> None:
        if self._guarded is not None and self._guarded is self.connection.connection:
            self._set_idle_timeout(0)

    def _set_idle_timeout(self, seconds: float) -> None:
        statement = IDLE_TIMEOUT.get(getattr(self.connection, "display_name", self.connection.vendor))
        if statement is not None:
            name, unit = statement
            with self.connection.cursor() as cursor:
                cursor.execute(f"SET SESSION {name} = {math.ceil(seconds * unit)}")

    def _recover(self) -> None:
        """After a failure memory may be wrong: what was applied is what the rows say."""
        if self.membership is not None and self.membership.id:
            self._read_again()

    def _may_pass(self, error: Exception) -> bool:
        return isinstance(error, LogUnavailable | BufferUnavailable) or (
            isinstance(error, DatabaseError) and dialect_of(self.connection).may_pass(error)
        )

    def _waits(self, seconds: float) -> bool:
        """Wait, with a connection that is good again afterwards; whether it was told to stop meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopped():
            time.sleep(0.05)
        for alias in {self.processor.using, self.processor.log.using or self.processor.using}:
            if not connections[alias].in_atomic_block:
                connections[alias].close_if_unusable_or_obsolete()
        return self.stopped()

    def end(self) -> None:
        """Leave the group, so that others need not wait for the end of the leases."""
        self._say_how_far()
        try:
            held = list(self._members().held)
            self._members().leave()
            self._call(self.processor.on_revoked, held)
        except DatabaseError as error:
            logger.warning("%s: could not leave the group: %s", self.processor.group, described(error))
        finally:
            self.reader.close()


class KeepAlive(threading.Thread):
    """Moves the end of a member's leases, also while a chunk takes longer than these.

    Args:
        runner: whose membership it is.
    """

    def __init__(self, runner: Runner) -> None:
        super().__init__(name=f"leases of {runner.processor.group}", daemon=True)
        self.runner = runner
        self._ended = threading.Event()

    def run(self) -> None:
        using = self.runner.processor.using
        try:
            while not self._ended.wait(self.runner.interval):
                try:
                    self.runner._members().keep_alive()
                except (DatabaseError, CounterError) as error:
                    logger.warning("%s: no sign of life: %s", self.runner.processor.group, described(error))
                    connections[using].close()
        finally:
            connections[using].close()

    def end(self) -> None:
        """Let it end, and wait for that."""
        self._ended.set()
        if self.is_alive():
            self.join()


def numbers(partitions: Iterable[int]) -> str:
    """Partitions for people, such as "partitions 0-3, 7"."""
    ranges: list[list[int]] = []
    for number in sorted(partitions):
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return f"partitions {', '.join('-'.join(map(str, one)) for one in ranges)}"
