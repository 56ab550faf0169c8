"""Bulk methods: what an ``update`` or a ``bulk_create`` really changes, whichever manager it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from django.db import connections, models, transaction

from ..buffers import recording
from ..compat.atomic import Undo, block, counted
from ..compat.querysets import can_be_filtered, only, uncounted, write_alias
from ..declaration.counter import CounterDeclaration as Counter
from . import feed
from .conflicts import create_or_skip, request_recounts
from .held import holds
from .moved import pks_after
from .sources import BATCH, Rows, Source, exact_source, sources_of

QuerySet = models.QuerySet[Any]

#: How often one statement is tried while other programs add rows that it would change too; then it is several.
TRIES = 3


class RowsAppeared(Undo):
    """A statement would change, or has changed, other rows than those that were locked for it."""


def bulk_create(
    method: Callable[..., Any],
    queryset: QuerySet,
    objs: Iterable[Any],
    batch_size: int | None = None,
    ignore_conflicts: bool = False,
    update_conflicts: bool = False,
    update_fields: Any = None,
    unique_fields: Any = None,
) -> Any:
    """As Django's, counted as one sum per key.

    Where rows may be skipped or changed, the database does not tell which: then their keys are recounted.

    Raises:
        CountingConflict: the key of a row that may be skipped is an expression.
    """
    source, using, objs = exact_source(queryset.model), write_alias(queryset), list(objs)
    arguments = (objs, batch_size, ignore_conflicts, update_conflicts, update_fields, unique_fields)
    if source is None or not objs:
        return method(queryset, *arguments)
    with block(using):
        if ignore_conflicts or update_conflicts:
            return create_or_skip(lambda: method(queryset, *arguments), source, objs, unique_fields, using)
        with _recounted_if_it_fails(source, objs, using):
            created = method(queryset, *arguments)
        with counted(using):
            feed.publish(source, using, {}, _created(source, objs, using))
    return created


@contextmanager
def _recounted_if_it_fails(source: Source, objs: Sequence[models.Model], using: str) -> Iterator[None]:
    """Since Django 6.0 rows stay of which it says afterwards that one is missing: a third-party trigger kept it out."""
    try:
        yield
    except AssertionError:
        if not transaction.get_rollback(using):
            with counted(using):
                request_recounts(source, objs, using)
        raise


def _created(source: Source, objs: Sequence[models.Model], using: str) -> Rows:
    """The rows of new instances: as these have them, else read back, all at once."""
    found, unknown = Rows(), []
    for instance in objs:
        if (row := source.in_memory(instance)) is None:
            unknown.append(instance)
        else:
            found[_pk(source, instance)] = row
    return found | source.lock_instances(unknown, using) if unknown else found


def _pk(source: Source, instance: models.Model) -> Any:
    """The primary key of a new row, or whatever stands for it: a few databases do not tell it."""
    pk = source.pk_of(instance)
    return object() if pk is None else pk


def update(method: Callable[..., int], queryset: QuerySet, **values: Any) -> int:
    """As Django's, counted by what the rows, locked meanwhile, were before and are after.

    Raises:
        CountingConflict: it computes the primary key and changes what counts.
    """
    sources = [source for source in sources_of(queryset.model) if source.touches(values)]
    if not sources or not can_be_filtered(queryset):
        return method(queryset, **values)
    using = write_alias(queryset)

    def change(rows: QuerySet) -> int:
        return method(rows, **values)

    with block(using):
        return retried(lambda in_parts: _update(sources, queryset, using, change, values, in_parts))


def _update(
    sources: Sequence[Source],
    queryset: QuerySet,
    using: str,
    change: Callable[[QuerySet], int],
    values: Mapping[str, Any],
    in_parts: bool,
) -> int:
    locked = {source: source.lock(matching(source, queryset, using)) for source in sources}
    pks = {source: pks_after(source, before, values, queryset.using(using)) for source, before in locked.items()}
    changed = change_only(locked[sources[0]], sources[0], queryset, using, change, in_parts)
    with counted(using):
        for source, before in locked.items():
            after = _constants(source, before, values) if len(sources) == 1 and changed == len(before) else None
            feed.publish(source, using, before, source.lock_pks(pks[source], using) if after is None else after)
    return changed


def _constants(source: Source, before: Rows, values: Mapping[str, Any]) -> Rows | None:
    """The rows after an update of them all to constants; None where only the database knows."""
    after, columns = Rows(), source.constants(values)
    if columns is None:
        return None
    for pk, row in before.items():
        changed = source.changed_in_memory(row, columns)
        if changed is None:
            return None
        after[source.moved_pk(pk, columns)] = changed
    return after


def change_only(
    locked: Rows, source: Source, queryset: QuerySet, using: str, change: Callable[[QuerySet], int], in_parts: bool
) -> int:
    """Let statements change the rows of a queryset that were locked, and no others.

    While some were waited for, one may have left the condition and another joined it: a number tells nothing. A
    transaction that sees an old state of the database may not even see those that the statement would change.

    Args:
        locked: the rows.
        source: whose rows they are.
        queryset: to which they belong.
        using: the database alias.
        change: the statement, of a part of the queryset.
        in_parts: whether to name all rows, a part in each statement, instead of changing many by one.

    Raises:
        RowsAppeared: it would change others, or has; not in parts.
    """
    if not connections[using].features.has_select_for_update:  # nobody else can write
        return change(queryset)
    if len(locked) <= BATCH or in_parts:
        name, pks = pk_name(source, queryset), list(locked)
        parts = [pks[start : start + BATCH] for start in range(0, len(pks), BATCH)] or [[]]
        changed = (change(only(queryset, name, part)) for part in parts)
        return sum(number or 0 for number in changed)  # None where no rows are named
    with block(using, savepoint=True):
        still = source.lock(matching(source, queryset, using))
        if still.keys() != locked.keys() or change(queryset) != len(locked):
            raise RowsAppeared
    return len(locked)


def retried(run: Callable[[bool], int]) -> int:
    """Run a change again, from the start, where rows appeared that were not locked for it; at last in parts.

    Args:
        run: takes whether to do it in parts, in which no other rows can come.
    """
    for _ in range(TRIES):
        with suppress(RowsAppeared):
            return run(False)
    return run(True)


def matching(source: Source, queryset: QuerySet, using: str) -> QuerySet:
    """The rows of a source that belong to the rows of a queryset, which may be of a child of the source."""
    rows = queryset.using(using).order_by().values(pk_name(source, queryset))
    return source.rows(using).filter(pk__in=rows)


def pk_name(source: Source, queryset: QuerySet) -> str:
    """The source's primary key as a queryset of a child calls it, which may have another primary key of its own."""
    is_own = source.model is queryset.model._meta.concrete_model
    return "pk" if is_own else source.model._meta.pk.name


def update_of_key(queryset: QuerySet, counter: Counter, key: Any, delta: int, **values: Any) -> int:
    """Update rows of one key, each of which changes its count by ``delta``, without reading them first.

    One atomic ``UPDATE``: its number of changed rows, times ``delta``, is counted.

    Args:
        queryset: must hold only rows whose change is worth ``delta``.
        counter: whose count changes.
        key: the key of all rows of the queryset.
        delta: by how much each changed row changes the count.
        values: as for ``update``.

    Returns:
        How many rows were changed.
    """
    using, source = write_alias(queryset), exact_source(queryset.model)
    if source is None or not _is_alone(counter, source, using):
        return queryset.update(**values)
    with block(using):
        changed: int = uncounted("update")(queryset, **values)
        recording.add(counter, {key: delta * changed}, using)
    return changed


def _is_alone(counter: Counter, source: Source, using: str) -> bool:
    """Whether nobody but a counter has to know of a change."""
    return source.counters == [counter] and not feed.has_subscribers(source) and not holds(using, source)
