"""The embedded log: messages are rows of the database.

Whoever appends messages locks the rows of their partitions, in the order of their numbers, takes offsets from there,
and holds them until the commit. So the offsets of a partition have no gaps and become visible in their order, whatever
else the transactions of the writers do: no reader can pass one that comes later.
"""

from __future__ import annotations

import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ....exceptions import InvalidSettings, quoted, unknown
from ..conf import NAME, streams_settings
from ..exceptions import InvalidTopic, OffsetGone, TopicReplaced, UnknownTopic
from ..models import LONGEST_NAME, Message, Partition, Topic
from . import embedded_sql
from .base import Batch, Log, Outgoing, Position, Reader, TopicInfo, TopicPartition

#: As Kafka has them.
NAMES = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST_NAME}}}")
MOST_PARTITIONS = 10_000
#: Messages that one transaction of ``trim`` deletes.
TRIMMED_AT_ONCE = 10_000


class EmbeddedLog(Log):
    """A log in the tables of this app, in the database that its option ``DATABASE`` names; ``"default"`` without it."""

    option_names: ClassVar[Sequence[str]] = ("DATABASE",)
    supports_transactions: ClassVar[bool] = True
    supports_trim: ClassVar[bool] = True
    using: str

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self.using = options.get("DATABASE", DEFAULT_DB_ALIAS)
        if self.using not in connections:
            sentence = unknown("database", self.using, connections)
            raise InvalidSettings(f"{NAME}['LOGS'][{alias!r}]['OPTIONS']['DATABASE']: {sentence}")

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """This thread's connection."""
        return connections[self.using]

    def topics(self) -> list[TopicInfo]:
        rows = Topic.objects.using(self.using).order_by("name").prefetch_related("partitions")
        return [TopicInfo(row.name, len(row.partitions.all()), row.uid) for row in rows]

    def topic(self, name: str) -> TopicInfo:
        rows = self._partitions(name).values_list("topic__uid", flat=True)
        return TopicInfo(name, len(rows), self._known(name, rows)[0])

    def create_topic(self, name: str, partitions: int) -> TopicInfo:
        if not NAMES.fullmatch(name):
            raise InvalidTopic(f"{quoted(name)} cannot be a topic: use up to {LONGEST_NAME} of A-Z a-z 0-9 . _ -")
        if not 1 <= partitions <= MOST_PARTITIONS:
            raise InvalidTopic(f"A topic has from 1 to {MOST_PARTITIONS:,} partitions, not {partitions}.")
        try:
            with transaction.atomic(self.using):
                made = Topic.objects.using(self.using).create(name=name, uid=uuid.uuid4().hex)
                rows = [Partition(topic=made, number=number) for number in range(partitions)]
                Partition.objects.using(self.using).bulk_create(rows)
        except IntegrityError as error:
            raise InvalidTopic(f"There is a topic {quoted(name)} already.") from error
        return TopicInfo(name, partitions, made.uid)

    def delete_topic(self, name: str) -> None:
        with transaction.atomic(self.using):
            ids = self._known(name, self._locked(name).values_list("id", flat=True))
            Message.objects.using(self.using).filter(partition__in=ids).delete()
            Topic.objects.using(self.using).filter(name=name).delete()

    def append(self, topic: str, messages: Sequence[Outgoing]) -> list[int]:
        if not messages:
            return []
        numbers: dict[int, list[int]] = {}
        for place, message in enumerate(messages):
            numbers.setdefault(message.partition, []).append(place)
        offsets = [0] * len(messages)
        rows: list[tuple[int, int, Outgoing]] = []
        with transaction.atomic(self.using):
            for id, number, end in self._ends_to_move(topic, numbers):
                for offset, place in enumerate(numbers[number], start=end):
                    offsets[place] = offset
                    rows.append((id, offset, messages[place]))
            embedded_sql.insert(self.connection, rows)
        return offsets

    def _ends_to_move(self, topic: str, numbers: Mapping[int, Sequence[int]]) -> list[tuple[int, int, int]]:
        """Lock partitions and move their ends; of each the primary key, the number and the end before."""
        rows = self._locked(topic).filter(number__in=numbers)
        found = list(rows.values_list("id", "number", "end"))
        if len(found) < len(numbers):
            missing = sorted({*numbers} - {number for _, number, _ in found})
            number = self.topic(topic).partitions
            raise UnknownTopic(f"The topic {quoted(topic)} has no partition {missing[0]}: it has {number}.")
        embedded_sql.move_ends(self.connection, {id: end + len(numbers[number]) for id, number, end in found})
        return found

    def begins(self, topic: str) -> dict[int, int]:
        return dict(self._known(topic, self._partitions(topic).values_list("number", "begin")))

    def ends(self, topic: str) -> dict[int, int]:
        return dict(self._known(topic, self._partitions(topic).values_list("number", "end")))

    def reader(self, group: str) -> EmbeddedReader:
        return EmbeddedReader(self, group)

    def trim(self, topic: str, before: int, floors: Mapping[int, int]) -> int:
        rows = self._known(topic, self._partitions(topic).values_list("id", "number"))
        return sum(self._trim(id, before, floors.get(number)) for id, number in rows)

    def _trim(self, id: int, before: int, floor: int | None) -> int:
        deleted = 0
        while number := self._trim_some(id, before, floor):
            deleted += number
        return deleted

    def _trim_some(self, id: int, before: int, floor: int | None) -> int:
        messages = Message.objects.using(self.using).filter(partition=id)
        with transaction.atomic(self.using):
            begin, end = embedded_sql.locked(Partition.objects.using(self.using)).values_list("begin", "end").get(id=id)
            last = min(end, begin + TRIMMED_AT_ONCE, end if floor is None else floor)
            young = messages.filter(offset__gte=begin, offset__lt=last, timestamp__gte=before)
            last = young.order_by("offset").values_list("offset", flat=True).first() or last
            if last <= begin or young.filter(offset=begin).exists():
                return 0
            Partition.objects.using(self.using).filter(id=id).update(begin=last)
            messages.filter(offset__lt=last).delete()
        return int(last - begin)

    def _partitions(self, topic: str) -> Any:
        return Partition.objects.using(self.using).filter(topic__name=topic).order_by("number")

    def _locked(self, topic: str) -> Any:
        """The partitions of a topic, locked in the order of their numbers as soon as they are read."""
        return embedded_sql.locked(self._partitions(topic))

    def _known(self, topic: str, rows: Iterable[Any]) -> list[Any]:
        found = list(rows)
        if not found:
            names = Topic.objects.using(self.using).values_list("name", flat=True)
            advice = unknown("topic", topic, names) if names else f"There is no topic {quoted(topic)}."
            raise UnknownTopic(f"{advice} Make it with: manage.py stream_topics {topic} --partitions N.")
        return found


class EmbeddedReader(Reader):
    """Asks one question for the ends of all partitions of a topic, and then reads where there is something.

    It asks again where nothing is left, and every ``POLL_INTERVAL`` also where there is: what comes to other partitions
    does not wait for the end of one of which much is to be read.
    """

    def __init__(self, log: EmbeddedLog, group: str) -> None:
        self.log = log
        self.group = group
        self.positions: dict[TopicPartition, Position] = {}
        self._ids: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._turns: deque[TopicPartition] = deque()
        self._looked = 0.0

    def assign(self, positions: Mapping[TopicPartition, Position]) -> None:
        self.positions = {source: self.positions.get(source, position) for source, position in positions.items()}
        self._turns = deque(source for source in self._turns if source in self.positions)

    def seek(self, source: TopicPartition, offset: int) -> None:
        self.positions[source] = self.positions[source]._replace(offset=offset)

    def poll(self, limit: int, timeout: float, stopped: Callable[[], bool] = lambda: False) -> Batch | None:
        give_up, interval = time.monotonic() + timeout, streams_settings().POLL_INTERVAL
        while True:
            if not self._turns or time.monotonic() >= self._looked + interval:
                self._look()
            if self._turns:
                return self._read(self._turns.popleft(), limit)
            left = give_up - time.monotonic()
            if left <= 0 or stopped():
                return None
            time.sleep(min(interval, left))

    def _look(self) -> None:
        """Which partitions have something."""
        self._looked, has_turn = time.monotonic(), set(self._turns)
        for topic in {source.topic for source in self.positions}:
            for number, id, end, begin, uid in embedded_sql.partitions(self.log.connection, topic):
                source = TopicPartition(topic, number)
                position = self.positions.get(source)
                if position is None:
                    continue
                if position.uid != uid:
                    raise TopicReplaced(self.group, topic, number, position.offset)
                if position.offset < begin or position.offset > end:
                    raise OffsetGone(self.group, topic, number, position.offset, begin)
                self._ids[source], self._ends[source] = id, end
                if position.offset < end and source not in has_turn:
                    self._turns.append(source)

    def _read(self, source: TopicPartition, limit: int) -> Batch:
        offset = self.positions[source].offset
        limit = min(limit, self._ends[source] - offset)
        records = embedded_sql.read(self.log.connection, self._ids[source], offset, limit)
        if len(records) < limit:  # trimmed, or deleted, since the ends were read
            found = self.log.begins(source.topic).get(source.partition, 0)
            raise OffsetGone(self.group, *source, offset, found)
        self.seek(source, offset + limit)
        if offset + limit < self._ends[source]:
            self._turns.append(source)
        return Batch(source, records, offset + limit)
