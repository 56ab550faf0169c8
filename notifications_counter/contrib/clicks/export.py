"""Clicks as a table for other programs: CSV as RFC 4180 has it, row by row, however many there are."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from .models import Click, ClickDay

#: Rows that are read from the database at once.
CHUNK = 2000


class _Line:
    """A file that hands on what is written."""

    def write(self, text: str) -> str:
        return text


def links_csv(clicks: QuerySet[Click]) -> StreamingHttpResponse:
    """A row for each link, as of the last flush: its address, the clicks of people, the clicks of programs."""
    rows = clicks.values_list("url", "click_count", "bot_count")
    return _answer("links.csv", ["url", "people", "programs"], rows.iterator(CHUNK))


def days_csv(clicks: QuerySet[Click]) -> StreamingHttpResponse:
    """A row for each link and day that had any clicks, as of the last flush, in the order of links and days."""
    days = ClickDay.objects.filter(url__in=clicks.order_by().values("url")).order_by("url", "day")
    rows = days.values_list("url", "day", "click_count", "bot_count")
    return _answer("days.csv", ["url", "day", "people", "programs"], rows.iterator(CHUNK))


def _answer(name: str, header: list[str], rows: Iterable[tuple[Any, ...]]) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return StreamingHttpResponse(_lines(header, rows), content_type="text/csv; charset=utf-8", headers=headers)


def _lines(header: list[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    # No cell begins with what a spreadsheet takes for a formula: an address begins with its scheme.
    writer = csv.writer(_Line())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow(row)
