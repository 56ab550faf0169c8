"""The layout "database": a row for each user and minute. It needs no server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from django.db import DatabaseError, connections, models, router, transaction
from django.db.models import Exists, Max, OuterRef

from ....exceptions import BufferUnavailable, described
from .. import members
from ..conf import MOST_SECONDS
from ..models import LastSeen, Report
from .base import Change, Layout, Page, Seen, chunks

NAMES_A_QUERY = 500
ROWS_A_WRITE = 1000

#: Reports older than the newest that is written, by so much, are written again: they may have been committed late.
LATE = 60


class InDatabase(Layout):
    """Exact to a second. The clock is that of the processes."""

    def report(self, name: str, areas: Sequence[str], window: int, at: int | None = None) -> None:
        now = _now(at)
        rows = [Report(area=area, minute=now // 60, name=name, first_second=now, last_second=now) for area in areas]
        using = router.db_for_write(Report)
        unique = ["area", "minute", "name"] if connections[using].features.supports_update_conflicts_with_target else []
        try:
            with transaction.atomic(using=using):  # a transaction around it goes on
                Report.objects.using(using).bulk_create(
                    rows, update_conflicts=True, unique_fields=unique or None, update_fields=["last_second"]
                )
        except DatabaseError as error:
            raise BufferUnavailable(f"A report could not be written: {described(error)}") from error

    def forget(self, name: str, areas: Sequence[str], at: int | None = None) -> None:
        Report.objects.filter(area__in=areas, name=name).delete()

    def _online(self, area: str, seconds: int, now: int) -> models.QuerySet[Report]:
        low = now - seconds
        return Report.objects.filter(area=area, minute__gte=low // 60, last_second__gt=low, last_second__lte=now)

    def page(self, area: str, seconds: int, limit: int, after: str = "", at: int | None = None) -> Page:
        rows = self._online(area, seconds, _now(at)).values("name").annotate(second=Max("last_second"))
        if after:
            second, _, name = after.partition(".")
            rows = rows.filter(models.Q(second__lt=int(second)) | models.Q(second=int(second), name__gt=name))
        found = [
            Seen(row["name"], members.number_of(row["name"]), row["second"])
            for row in rows.order_by("-second", "name")[: limit + 1]
        ]
        following = f"{found[limit - 1].second}.{found[limit - 1].name}" if len(found) > limit else ""
        return Page(found[:limit], following)

    def number(self, area: str, seconds: int, at: int | None = None) -> int:
        found = self._online(area, seconds, _now(at)).aggregate(number=models.Count("name", distinct=True))
        return int(found["number"])

    def seen(self, area: str, names: Sequence[str], at: int | None = None) -> tuple[int, dict[str, int | None]]:
        now = _now(at)
        found: dict[str, int | None] = dict.fromkeys(names)
        for part in chunks(names, NAMES_A_QUERY):
            rows = self._online(area, MOST_SECONDS, now).filter(name__in=part)
            found |= dict(rows.values_list("name").annotate(second=Max("last_second")))
        return now, found

    # The way to the rows of when everybody was last seen

    def to_write(self) -> Iterator[Sequence[Seen]]:
        """Afterwards what nobody can ask for any more is deleted."""
        now = _now()
        newest = LastSeen.objects.aggregate(newest=Max("seen_at"))["newest"]
        low = 0 if newest is None else int(newest.timestamp()) - LATE
        rows = Report.objects.filter(area=members.area_of(""), minute__gte=low // 60, last_second__gte=low)
        parts = rows.values_list("name").annotate(second=Max("last_second")).order_by("name")
        part: list[Seen] = []
        for name, second in list(parts):
            part.append(Seen(name, members.number_of(name), second))
            if len(part) == ROWS_A_WRITE:
                yield part
                part = []
        yield part
        Report.objects.filter(minute__lt=(now - MOST_SECONDS) // 60 - 1).delete()

    # Who comes and goes

    def changes(self, area: str, first: int | None, seconds: int, at: int | None = None) -> list[Change]:
        now = _now(at)
        begin = now - 1 if first is None else first
        if begin >= now:
            return []
        before = Report.objects.filter(area=area, name=OuterRef("name"))
        joined = Report.objects.filter(area=area, first_second__gte=begin, first_second__lt=now).filter(
            ~Exists(
                before.filter(
                    last_second__gt=OuterRef("first_second") - seconds, last_second__lt=OuterRef("first_second")
                )
            )
        )
        left = Report.objects.filter(area=area, last_second__gte=begin - seconds, last_second__lt=now - seconds).filter(
            ~Exists(before.filter(last_second__gt=OuterRef("last_second")))
        )
        changes = {second: Change(second) for second in range(begin, now)}
        for name, second in joined.values_list("name", "first_second").order_by("name"):
            _add(changes[second].joined, name, second)
        for name, second in left.values_list("name", "last_second").order_by("name"):
            _add(changes[second + seconds].left, name, second)
        return list(changes.values())


def _add(to: Sequence[Seen], name: str, second: int) -> None:
    to.append(Seen(name, members.number_of(name), second))  # type: ignore[attr-defined]


def _now(at: int | None = None) -> int:
    return int(time.time()) if at is None else at
