"""The notifications that a prune deletes: found without reading the whole table, and without noting anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models import OuterRef, Subquery

from ..compat.uncached import rows_of
from ..models import Notification
from ..signals import pruned
from .pace import Pace

#: What one statement reads at most: users, their notifications, and places in the index that it counts off. Less where
#: that takes long, but at least so many users and rows.
USERS, ROWS, PLACES = 500, 2_000, 50_000
FEWEST_USERS, FEWEST_ROWS = 5, 100

COLUMNS = ("user_id", "created_at", "pk", "has_read", "kind")

Rows = models.QuerySet[Any]


class Row(NamedTuple):
    """What decides on a notification."""

    user: Any
    created_at: datetime
    pk: Any
    has_read: bool
    kind: str

    @property
    def place(self) -> tuple[datetime, Any]:
        """Where it stands among its user's."""
        return self.created_at, self.pk


class Candidates:
    """The notifications that are to be deleted, as far as this process has found them.

    Attributes:
        using: the database alias.
        users: how many users have been looked through.
    """

    def __init__(self, using: str, before: datetime, keep: int, read_only: bool, kind: str | None) -> None:
        self.using = using
        self.users = 0
        self._before = before
        self._keep = keep
        self._read_only = read_only
        self._kind = kind
        #: How many users are looked through together: as many as have, by what was found, rows for one statement.
        self._together = 20
        #: By how long it takes: how many users are listed, and looked through together; how many rows are listed.
        self._users, self._some = (Pace(using, USERS, FEWEST_USERS) for _ in range(2))
        self._listed_rows = Pace(using, ROWS, FEWEST_ROWS)

    def delete(self, pks: Sequence[Any]) -> int:
        """Delete those of them that are still to be deleted: one may have been marked as unread since."""
        chosen: dict[str, Any] = {"has_read": True} if self._read_only else {}
        if self._kind is not None:
            chosen["kind"] = self._kind
        rows = rows_of(Notification, self.using).filter(pk__in=pks, **chosen)
        with transaction.atomic(using=self.using):
            _, deleted = rows.delete()
            if pruned.has_listeners(Notification):
                left = set(rows_of(Notification, self.using).filter(pk__in=pks).values_list("pk", flat=True))
                pruned.send(Notification, using=self.using, pks=[pk for pk in pks if pk not in left])
        return deleted.get(Notification._meta.label, 0)

    def pks(self) -> Iterator[list[Any]]:
        """Their primary keys, as they are found."""
        for rows in self._found():
            yield [row.pk for row in rows if self._is_chosen(row)]

    def _is_chosen(self, row: Row) -> bool:
        return (row.has_read or not self._read_only) and self._kind in (None, row.kind)

    def _found(self) -> Iterator[list[Row]]:
        """The rows that are old and not kept, whatever else is asked of them."""
        for users in self._users_with_old_rows():
            while users:
                some, most = users[: self._most_together()], self._listed_rows.now
                with self._some.kept() as together, self._listed_rows.kept() as listed:
                    edges = self._edges(some)
                    rows = self._rows(edges, most)
                    together.number, listed.number = len(some), len(rows)
                if len(rows) <= most:
                    yield [row for row in rows if _is_beyond(row, edges[row.user])]
                elif len(some) > 1:
                    self._together = max(1, len(some) // 2)
                    continue
                else:
                    yield from self._rows_of_one(some[0], edges[some[0]])
                if len(rows) < most // 4:
                    self._together = min(2 * self._together, USERS)
                self.users += len(some)
                users = users[len(some) :]

    def _most_together(self) -> int:
        return max(1, min(self._together, self._some.now, PLACES // (self._keep or 1)))

    def _users_with_old_rows(self) -> Iterator[list[Any]]:
        everybody, last = rows_of(get_user_model(), self.using), None
        oldest = self._of(OuterRef("pk")).order_by("created_at", "pk").values("created_at")[:1]
        while True:
            users = everybody if last is None else everybody.filter(pk__gt=last)
            with self._users.kept():
                found = list(users.order_by("pk").values_list("pk", Subquery(oldest))[: self._users.now])
            if not found:
                return
            last = found[-1][0]
            yield [user for user, moment in found if moment is not None and moment < self._before]

    def _of(self, user: Any) -> Rows:
        return rows_of(Notification, self.using).filter(user=user)

    def _edges(self, users: Sequence[Any]) -> dict[Any, tuple[datetime, Any] | None]:
        """User -> the place of the newest notification that is not kept; None for the very newest. Whoever has no more
        than are kept is left out.

        It is looked up before the rows: those that come afterwards only push more beyond it.
        """
        if not self._keep:
            return dict.fromkeys(users)
        newest = self._of(OuterRef("pk")).order_by("-created_at", "-pk").values("pk")
        first = Subquery(newest[self._keep : self._keep + 1])
        found = rows_of(get_user_model(), self.using).filter(pk__in=users).values_list("pk", first)
        pks = {pk: user for user, pk in found if pk is not None}
        places = rows_of(Notification, self.using).filter(pk__in=pks).values_list("pk", "created_at")
        return {pks[pk]: (created_at, pk) for pk, created_at in places}

    def _rows(self, edges: dict[Any, Any], most: int) -> list[Row]:
        """The old rows of some users: one more than there should be where there are too many."""
        if not edges:
            return []
        rows = rows_of(Notification, self.using).filter(user__in=list(edges), created_at__lt=self._before)
        return [Row(*row) for row in rows.values_list(*COLUMNS)[: most + 1]]

    def _rows_of_one(self, user: Any, edge: tuple[datetime, Any] | None) -> Iterator[list[Row]]:
        """All of them of a user who has very many, from the newest on."""
        own, rows = self._of(user), []
        if edge is not None and edge[0] < self._before:
            rows = self._page(own, edge, "lte")
        else:
            with self._listed_rows.kept():
                old = own.filter(created_at__lt=self._before).order_by("-created_at", "-pk")
                rows = self._listed(old, self._listed_rows.now)
        while rows:
            yield rows
            rows = self._page(own, rows[-1].place, "lt")

    def _page(self, own: Rows, place: tuple[datetime, Any], below: str) -> list[Row]:
        """The rows from a place on: in two statements, each of which is one range of the index."""
        (moment, pk), number = place, self._listed_rows.now
        same = own.filter(created_at=moment, **{f"pk__{below}": pk}).order_by("-pk")
        older = own.filter(created_at__lt=moment).order_by("-created_at", "-pk")
        with self._listed_rows.kept():
            rows = self._listed(same, number)
            return rows + self._listed(older, number - len(rows)) if len(rows) < number else rows

    def _listed(self, rows: Rows, number: int) -> list[Row]:
        return [Row(*row) for row in rows.values_list(*COLUMNS)[:number]]


def _is_beyond(row: Row, edge: tuple[datetime, Any] | None) -> bool:
    return edge is None or row.place <= edge
