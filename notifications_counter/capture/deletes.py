"""Deletes: by what was locked and is gone, whoever sends which signal.

A delete of an instance, of a queryset and of an owner with all that belongs to it comes down to a few statements. Just
before each the rows are locked and read, all at once; no receiver runs in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections, models

from ..compat.atomic import block, counted
from ..compat.querysets import can_be_filtered
from ..compat.uncached import rows_of
from ..dialects import dialect_of
from . import feed
from .bulk import QuerySet, change_only, matching, retried
from .gone import Follower, followers_of
from .moved import pks_after
from .sources import Rows, Source, exact_source, rows_a_statement, sources_of


def delete_batch(delete: Callable[[], int], model: type[models.Model], pks: Sequence[Any], using: str) -> int:
    """Delete rows by their primary keys."""
    followers = followers_of(model, pks, using)
    if not followers:
        return _delete_batch(delete, model, pks, using)
    with block(using):
        deleted = _delete_batch(delete, model, pks, using)
        _tell(followers, model, pks, using)
    return deleted


def _delete_batch(delete: Callable[[], int], model: type[models.Model], pks: Sequence[Any], using: str) -> int:
    source = exact_source(model)
    if source is None:  # of a child only its own table; the parents' rows have a statement of their own
        return delete()
    with block(using):
        before = source.lock_pks(pks, using)
        deleted = delete()
        _publish_deleted(source, before, deleted, using)
    return deleted


def _tell(followers: Sequence[Follower], model: type[models.Model], pks: Sequence[Any], using: str) -> None:
    with counted(using):
        for follower in followers:
            follower.lost(model, pks, using)


def raw_delete(method: Callable[..., int], queryset: QuerySet, using: str) -> int:
    """Delete rows that Django has not loaded: of an owner that goes, or of a queryset to which nothing refers."""
    followers = followers_of(queryset.model, None, using) if can_be_filtered(queryset) else []
    if not followers:
        return _raw_delete(method, queryset, using)
    with block(using):
        # As where Django loads the rows: those that are found now are deleted, by their primary keys.
        pks, length = _lock_pks(queryset, using), rows_a_statement(using)
        parts = [pks[start : start + length] for start in range(0, len(pks), length)]
        named = (models.QuerySet.filter(queryset, pk__in=part) for part in parts)
        deleted = sum(_raw_delete(method, rows, using) or 0 for rows in named)
        _tell(followers, queryset.model, pks, using)
    return deleted


def _lock_pks(queryset: QuerySet, using: str) -> list[Any]:
    rows = rows_of(queryset.model, using).filter(pk__in=queryset.using(using).order_by().values("pk"))
    return list(dialect_of(connections[using]).lock(rows).values_list("pk", flat=True))


def _raw_delete(method: Callable[..., int], queryset: QuerySet, using: str) -> int:
    source = exact_source(queryset.model)
    if source is None or not can_be_filtered(queryset):
        return method(queryset, using)

    def run(in_parts: bool) -> int:
        before = source.lock(matching(source, queryset, using))
        deleted = change_only(before, source, queryset, using, lambda rows: method(rows, using), in_parts)
        _publish_deleted(source, before, deleted, using)
        return deleted

    with block(using):
        return retried(run)


def _publish_deleted(source: Source, before: Rows, deleted: int, using: str) -> None:
    with counted(using):
        after = Rows() if deleted == len(before) else source.lock_pks(before, using)
        feed.publish(source, using, before, after)


def update_batch(
    update: Callable[[], None], model: type[models.Model], pks: Sequence[Any], values: dict[str, Any], using: str
) -> None:
    """Set a foreign key in rows whose owner is about to go."""
    sources = [source for source in sources_of(model) if source.touches(values)]
    with block(using):
        before = {source: _lock(source, model, list(pks), using) for source in sources}
        # A foreign key that is set to another owner may be a part of the primary key.
        after = {source: pks_after(source, rows, values, source.rows(using)) for source, rows in before.items()}
        update()
        with counted(using):
            for source, rows in before.items():
                feed.publish(source, using, rows, source.lock_pks(after[source], using))


def _lock(source: Source, model: type[models.Model], pks: Sequence[Any], using: str) -> Rows:
    found, length = Rows(), rows_a_statement(using)
    for start in range(0, len(pks), length):
        rows: QuerySet = rows_of(model, using).filter(pk__in=pks[start : start + length])
        found |= source.lock(matching(source, rows, using))
    return found
