"""Who has which partitions of a group, where the log shares them out: it says who has one, the database since when.

The log's word is about who should read. What counts is the generation in the database: whoever has been given a
partition takes it there, which is the end for whoever had it before, also for a process that has slept through it.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction

from . import clock
from .conf import streams_settings
from .logs.base import Reader
from .membership import Change, Membership
from .processor import Processor

#: The row of a member that has ended without a word is kept for so many times the ``SESSION_TIMEOUT``.
KEPT = 10


class AssignedMembership(Membership):
    """One member of a group in a log that ``assigns_partitions``.

    Args:
        processor: whose group it is.
        partitions: how many partitions its topics have.
        reader: the reader that is a member of the log's group.
    """

    def __init__(self, processor: Processor, partitions: int, reader: Reader) -> None:
        super().__init__(processor, partitions)
        self.reader = reader

    def join(self) -> None:
        super().join()
        self.reader.join(self.processor.inputs)

    def balance(self) -> Change:
        """Take what the log has given, and let go of what it has taken away.

        A partition that another has taken, though the log says that it is this member's, is lost, and taken again with
        the next call: the other was late, or has been told by somebody where to go on.
        """
        given = {source.partition for source in self.reader.given()}
        with transaction.atomic(self.using):
            self._note_members()
            mine = set(self._mine())
            lost = set(self.held) - (mine & given)
            self._let_go(lost)
            taken = self._take(sorted(given - set(self.held) - lost))
        for partition in lost:
            del self.held[partition]
        self.held |= taken
        return Change(taken, lost, set())

    def _mine(self) -> list[int]:
        """The partitions that nobody has taken since this member did."""
        rows: Any = self._rows.filter(owner=self.id).values_list("partition", "generation")
        return [partition for partition, generation in rows if self.held.get(partition) == generation]

    def _let_go(self, partitions: set[int]) -> None:
        for partition in sorted(partitions):
            rows = self._rows.filter(partition=partition, owner=self.id, generation=self.held[partition])
            rows.update(owner="")

    def _note_members(self) -> None:
        """Keep the rows by which people see who is at work; the log has no need of them."""
        if not self._members.filter(id=self.id).exists():
            self._insert()
        long_ago = clock.now(connections[self.using]) - int(KEPT * streams_settings().SESSION_TIMEOUT * 1000)
        self._members.filter(expires_at__lt=long_ago).delete()


def membership_of(processor: Processor, partitions: int, reader: Reader) -> Membership:
    """The membership of a process in the group of a processor.

    Args:
        processor: the processor.
        partitions: how many partitions its topics have.
        reader: the reader of the process.
    """
    if processor.log.assigns_partitions:
        return AssignedMembership(processor, partitions, reader)
    return Membership(processor, partitions)
