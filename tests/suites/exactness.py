"""Whether counters say what ``COUNT(*)`` says: as they are read, as they are stored after a flush, and as read then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connections, models
from django.db.models import Count

from .names import delta_model


class Wrong(NamedTuple):
    """A count that is not true: ``said`` against ``rows``, as COUNT(*) has them."""

    counter: str
    using: str
    when: str
    key: str
    said: Any
    rows: int


def count_models(using: str) -> list[Any]:
    """Those whose source has a table on a database."""
    connection = connections[using]
    found = apps.get_app_config("nc").get_models()
    return [model for model in found if model.counted.source._meta.can_migrate(connection)]


def flush_all(using: str) -> None:
    """Afterwards every counter has counted all rows that are there, and later reads need not count them."""
    for model in count_models(using):
        model.counter.flush(using=using)


def flush_waiting(using: str) -> None:
    """Afterwards nothing waits, and no key has to be counted anew by every read."""
    waiting = waiting_keys(using)
    for model in count_models(using):
        if model.counter.label in waiting:
            model.counter.flush(using=using)


def wrong_counts(using: str) -> Iterator[Wrong]:
    """What is wrong on a database; flushes what waits."""
    waiting = waiting_keys(using)
    for model in count_models(using):
        yield from _wrong(model, using, waiting.get(model.counter.label, set()))


def waiting_keys(using: str) -> dict[str, set[str]]:
    """The keys of which deltas wait, by the counter's label."""
    found: dict[str, set[str]] = {}
    for label, key in delta_model().objects.using(using).values_list("counter", "key").distinct():
        found.setdefault(label, set()).add(key)
    return found


def _wrong(model: Any, using: str, waiting: set[str]) -> Iterator[Wrong]:
    counter, rows, stored = model.counter, count_rows(model, using), stored_counts(model, using)
    keys = {*rows, *stored, *map(model._meta.pk.to_python, waiting)}
    if keys:
        yield from _differences(counter, using, "read", counter.values(keys, using=using), rows)
    if waiting:
        flushed = counter.flush(using=using)
        for problem in flushed.problems + flushed.lost:
            yield Wrong(counter.label, using, "flush", "", problem, 0)
        yield from _differences(counter, using, "stored", stored_counts(model, using), rows)
        yield from _differences(counter, using, "read after a flush", counter.values(keys, using=using), rows)


def _differences(
    counter: Any, using: str, when: str, said: Mapping[Any, int], rows: Mapping[Any, int]
) -> Iterator[Wrong]:
    for key in {*said, *rows}:
        if said.get(key, 0) != rows.get(key, 0):
            yield Wrong(counter.label, using, when, repr(key), said.get(key, 0), rows.get(key, 0))


def count_rows(model: Any, using: str) -> dict[Any, int]:
    """``COUNT(*)`` of a count model's source for each key."""
    source, column, condition = model.counted
    rows: Any = models.QuerySet(source, using=using).filter(condition, **{f"{column}__isnull": False})
    return dict(rows.order_by().values_list(column).annotate(nc_number=Count("*")))


def stored_counts(model: Any, using: str) -> dict[Any, int]:
    return dict(model._base_manager.using(using).values_list("pk", "number"))
