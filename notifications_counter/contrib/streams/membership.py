"""Who has which partitions of a group: leases in the database.

A member keeps its row alive by moving ``expires_at``. Each looks from time to time how many members there are, gives up
what it has too many of, and takes what nobody has, until each has its share; nobody gives up more than that, so that
partitions that do not move go on. One that is taken gets another generation, which whoever had it before does not know.

Rows that somebody holds who is just now stopped in the middle of a transaction are passed over, not waited for.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import connections, transaction
from django.db.models import F

from . import clock
from .conf import streams_settings
from .logs.embedded_sql import locked
from .models import Group, Member, Progress
from .processor import Processor


class Change(NamedTuple):
    """What has changed for a member.

    Attributes:
        taken: partition -> generation, of those that it has now and had not before.
        lost: the partitions that others may have taken: it must not go on with them.
        surplus: the partitions that it should release.
    """

    taken: dict[int, int]
    lost: set[int]
    surplus: set[int]


def most_of(members: dict[str, int], partitions: int) -> dict[str, int]:
    """How many partitions each member may have, so that nobody has two more than another.

    Args:
        members: member -> how many it has; whoever has many keeps what cannot be shared out evenly.
        partitions: how many there are.
    """
    share, rest = divmod(partitions, len(members))
    order = sorted(members, key=lambda id: (-members[id], id))
    return {id: share + (place < rest) for place, id in enumerate(order)}


class Membership:
    """One member of a group.

    Args:
        processor: whose group it is.
        partitions: how many partitions its topics have.
    """

    def __init__(self, processor: Processor, partitions: int) -> None:
        self.processor = processor
        self.group = processor.group
        self.using = processor.using
        self.partitions = partitions
        self.id = ""
        self.held: dict[int, int] = {}

    @property
    def _rows(self) -> Any:
        return Progress.objects.using(self.using).filter(group=self.group, topic__in=self.processor.inputs)

    @property
    def _members(self) -> Any:
        return Member.objects.using(self.using).filter(group=self.group)

    def _expiry(self) -> int:
        return clock.now(connections[self.using]) + int(streams_settings().SESSION_TIMEOUT * 1000)

    def join(self) -> None:
        """Become a member, a new one, without partitions."""
        self.id, self.held = uuid.uuid4().hex, {}
        self._insert()

    def _insert(self) -> None:
        Member.objects.using(self.using).create(
            id=self.id,
            group_id=self.group,
            host=socket.gethostname()[:255],
            process=os.getpid(),
            expires_at=self._expiry(),
        )

    def keep_alive(self) -> bool:
        """Move the end of its leases; whether they were still its own."""
        return bool(self._members.filter(id=self.id).update(expires_at=self._expiry()))

    def balance(self) -> Change:
        """Take what is free and due, and say what to give up; nothing, while another member is at it."""
        with transaction.atomic(self.using):
            if not self._locked_group():
                return Change({}, set(), set())
            if not self._members.filter(id=self.id).exists():
                lost = set(self.held)
                self.join()
                return Change({}, lost, set())
            self._remove_expired()
            return self._share()

    def _share(self) -> Change:
        owners = dict(self._rows.values_list("partition", "owner"))
        members = dict.fromkeys(self._members.values_list("id", flat=True), 0)
        for owner in owners.values():
            if owner in members:
                members[owner] += 1
        mine = {partition for partition, owner in owners.items() if owner == self.id}
        lost = set(self.held) - mine
        most = most_of(members, self.partitions)[self.id]
        free = sorted(partition for partition, owner in owners.items() if not owner)
        taken = self._take(free[: max(0, most - len(mine))])
        for partition in lost:
            del self.held[partition]
        self.held |= taken
        return Change(taken, lost, set(sorted(mine, reverse=True)[: max(0, len(mine) - most)]))

    def _locked_group(self) -> bool:
        """Lock the group, unless somebody else has done so."""
        rows = Group.objects.using(self.using).filter(name=self.group)
        if connections[self.using].features.has_select_for_update_skip_locked:
            return bool(rows.select_for_update(skip_locked=True))
        return bool(locked(rows))

    def _remove_expired(self) -> None:
        now = clock.now(connections[self.using])
        gone = list(self._members.filter(expires_at__lt=now).exclude(id=self.id).values_list("id", flat=True))
        if gone:
            self._members.filter(id__in=gone).delete()
        # Also of a member that was removed while its rows were held.
        members = set(self._members.values_list("id", flat=True))
        orphans = self._rows.exclude(owner="").exclude(owner__in=members)
        for id in self._unlocked(orphans):
            self._rows.filter(id=id).update(owner="")

    def _unlocked(self, rows: Any) -> list[int]:
        """The primary keys of rows, which are locked now, without those that others have locked."""
        if connections[self.using].features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        return list(rows.order_by("id").values_list("id", flat=True))

    def _take(self, wanted: Iterable[int]) -> dict[int, int]:
        taken = {}
        for partition in wanted:
            rows = self._rows.filter(partition=partition)
            ids = self._unlocked(rows)
            if len(ids) < len(self.processor.inputs):
                continue
            # One number for the partition in all topics, which may have come at different times.
            generation = max(rows.values_list("generation", flat=True)) + 1
            self._rows.filter(id__in=ids).update(owner=self.id, generation=generation)
            taken[partition] = generation
        return taken

    def release(self, partitions: Iterable[int]) -> None:
        """Give up partitions, which another member may take at once."""
        for partition in sorted(partitions):
            rows = self._rows.filter(partition=partition, owner=self.id, generation=self.held[partition])
            rows.update(owner="")
            del self.held[partition]  # not before: an update that fails is tried again

    def leave(self) -> None:
        """Give up everything."""
        with transaction.atomic(self.using):
            self.release(list(self.held))
            self._members.filter(id=self.id).delete()


def expire(processor: Processor, member: str) -> None:
    """Let the leases of a member end now, for tests."""
    Member.objects.using(processor.using).filter(id=member).update(expires_at=F("expires_at") * 0)
