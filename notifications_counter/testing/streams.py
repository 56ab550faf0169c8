"""A tester of processors: push messages, run to the end, read the table. In the transaction of a ``TestCase``, without
any server."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from ..contrib.streams import progress
from ..contrib.streams.codecs import codec_of
from ..contrib.streams.emitting import Delivery, Emitter
from ..contrib.streams.exceptions import Fenced, UnknownTopic
from ..contrib.streams.logs.base import Batch, everything_of
from ..contrib.streams.membership import expire
from ..contrib.streams.partitioners import Partitioner
from ..contrib.streams.processor import Processor
from ..contrib.streams.running import Runner

#: Messages of one chunk of a random schedule, at most.
MOST_IN_A_CHUNK = 5


class Crash(Exception):
    """The process is gone, in the middle of a chunk."""


class Tester:
    """Runs a processor on the log that the settings of the tests name, most often the embedded one.

    Args:
        processor: the processor. Topics that are not there yet are made.
        partitions: how many partitions they get.
    """

    def __init__(self, processor: Processor, partitions: int = 4) -> None:
        self.processor = processor
        outputs = [*processor.outputs, *filter(None, [processor.dead_letters])]
        if processor.changes is not None:
            outputs.append(processor.changes.topic)
        for topic in [*processor.inputs, *outputs]:
            try:
                processor.log.topic(topic)
            except UnknownTopic:
                processor.log.create_topic(topic, partitions)

    def push(
        self,
        topic: str,
        key: str,
        value: Any,
        *,
        headers: Mapping[str, str | bytes] | None = None,
        timestamp: datetime | int | None = None,
        partitioner: str | Partitioner = "murmur2",
    ) -> Delivery:
        """Put a message on an input, encoded by its codec.

        Args:
            topic: one of the processor's inputs.
            key: the key.
            value: the value; None for a tombstone.
            headers: name -> text or bytes.
            timestamp: an aware datetime, or milliseconds since 1970; now without it.
            partitioner: as of ``Emitter``.

        Returns:
            Where the message is.
        """
        codec = self.processor.codecs[topic]
        emitter = Emitter(topic, codec, partitioner=partitioner, log=self.processor.log_alias)
        return emitter.emit_sync(key, value, headers=headers, timestamp=timestamp)

    def run(self) -> None:
        """Process all messages, also those that come back by the loop.

        Raises:
            ProcessingFailed: a message cannot be processed.
        """
        while True:
            Runner(self.processor, once=True).run()
            if not self.processor.has_loop or not self._lag():
                return

    def _lag(self) -> int:
        stands = self.offsets()
        ends = {topic: self.processor.log.ends(topic) for topic in self.processor.inputs}
        return sum(end - stands[topic, number] for topic, found in ends.items() for number, end in found.items())

    def offsets(self) -> dict[tuple[str, int], int]:
        """Topic and partition -> the offset of the next message that is to be applied."""
        found = progress.positions(self.processor, range(progress.prepare(self.processor)))
        return {(source.topic, source.partition): position.offset for source, position in found.items()}

    def value(self, key: Any) -> Any:
        """What the table has for a key: a count, the value of the only field, or a dictionary; None without a row."""
        assert self.processor.table is not None, "The processor has no table."
        return self.processor.table.get(key)

    def emitted(self, topic: str) -> list[tuple[str | None, Any]]:
        """Keys and values of all messages in a topic, those of a partition in their order."""
        found = self.processor.outputs.get(topic) or self.processor.inputs.get(topic)
        if self.processor.changes is not None and self.processor.changes.topic == topic:
            found = self.processor.changes
        codec = codec_of(bytes if found is None else found.codec)
        records = everything_of(self.processor.log, topic)
        return [(one.key, None if one.value is None else codec.decode(one.value)) for one in records]

    def run_randomly(self, seed: int | None = None, members: int = 3, steps: int = 200) -> RandomRun:
        """Process all messages by several members at a random pace, of which some crash, stand still and wake up again.

        Args:
            seed: of the schedule; another one each time without it.
            members: how many there are at the same time, at most.
            steps: so many random steps, before the last member goes on to the end.

        Returns:
            What has happened; its seed repeats it.
        """
        run = RandomRun(self.processor, secrets.randbelow(10**6) if seed is None else seed, members)
        for _ in range(steps):
            run.step()
        run.finish()
        self.run()
        return run


class RandomRun:
    """A random schedule.

    Args:
        processor: the processor.
        seed: of the schedule.
        most: how many members there are at the same time, at most.

    Attributes:
        seed: of the schedule.
        happened: what -> how often.
    """

    def __init__(self, processor: Processor, seed: int, most: int) -> None:
        self.processor = processor
        self.seed = seed
        self.most = most
        self.happened = dict.fromkeys(("joined", "left", "crashed", "stood still", "woke up", "fenced", "applied"), 0)
        self._random = random.Random(seed)  # noqa: S311 - a schedule, no secret
        self._working: list[Runner] = []
        self._standing: list[tuple[Runner, Batch | None]] = []

    def __repr__(self) -> str:
        return f"RandomRun(seed={self.seed}, {self.happened})"

    def step(self) -> None:
        """Let something happen."""
        choices = [self._apply] * 8 + [self._join] * 5 + [self._leave]
        choices += [self._crash, self._stand_still, self._wake_up] * 2
        self._random.choice(choices)()

    def finish(self) -> None:
        """Let those that stand still try once more, and all leave."""
        while self._standing:
            self._wake_up()
        while self._working:
            self._leave()

    def _some(self) -> Runner | None:
        return self._random.choice(self._working) if self._working else None

    def _join(self) -> None:
        if len(self._working) < self.most:
            runner = Runner(self.processor)
            runner.begin()
            self._working.append(runner)
            self.happened["joined"] += 1

    def _apply(self) -> None:
        runner = self._some()
        if runner is not None:
            runner.rebalance(now=True)
            batch = self._batch(runner)
            if batch is not None and not self._fenced(runner, batch):
                self.happened["applied"] += len(batch.records)

    def _batch(self, runner: Runner) -> Batch | None:
        return runner.reader.poll(self._random.randint(1, MOST_IN_A_CHUNK), 0)

    def _fenced(self, runner: Runner, batch: Batch) -> bool:
        """Whether a member could not apply a chunk, because another one has the partition."""
        if batch.source in runner.offsets and runner.apply(batch):
            return False
        self.happened["fenced"] += 1
        return True

    def _leave(self) -> None:
        runner = self._some()
        if runner is not None:
            self._working.remove(runner)
            runner.end()
            self.happened["left"] += 1

    def _crash(self) -> None:
        """In the middle of a chunk, all of whose transaction is rolled back, or between two."""
        runner = self._some()
        if runner is None:
            return
        batch = self._batch(runner)
        if batch is not None and batch.source in runner.offsets:
            try:
                with transaction.atomic(self.processor.using):
                    runner.chunk(batch.source).apply(batch.records, batch.next_offset)
                    raise Crash
            except (Crash, Fenced):
                pass
        self._working.remove(runner)
        self._expire(runner)
        self.happened["crashed"] += 1

    def _expire(self, runner: Runner) -> None:
        assert runner.membership is not None
        expire(self.processor, runner.membership.id)

    def _stand_still(self) -> None:
        """Until long after its leases have ended, with messages that it has read."""
        runner = self._some()
        if runner is not None:
            self._standing.append((runner, self._batch(runner)))
            self._working.remove(runner)
            self._expire(runner)
            self.happened["stood still"] += 1

    def _wake_up(self) -> None:
        if self._standing:
            runner, batch = self._standing.pop(self._random.randrange(len(self._standing)))
            self._working.append(runner)
            self.happened["woke up"] += 1
            if batch is not None:
                self._fenced(runner, batch)
