"""Querysets whose bulk methods are counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from django.db import models, transaction

from ..buffers import recording
from ..declaration.counter import CounterDeclaration as Counter
from ..exceptions import CountingConflict
from . import held as watched
from .conflicts import asking
from .deletions import deletion
from .sources import BATCH, UNCOUNTED, Source, all_at_once, change, count, source_of, total

#: How often an update is tried while other programs add rows that it would change too.
TRIES = 5


class RowsAppeared(Exception):
    """An update would change, or has changed, other rows than those that were locked for it."""


class CountedQuerySet(models.QuerySet[Any]):
    """A queryset that counts what its bulk methods really change, in the change's own transaction."""

    def bulk_create(
        self,
        objs: Iterable[Any],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Any = None,
        unique_fields: Any = None,
    ) -> list[Any]:
        """As Django's, counted as one sum per key.

        Where rows may be skipped or changed, the database does not tell which: then their keys are recounted.

        Raises:
            CountingConflict: the key of a row that may be skipped is an expression.
        """
        source, using, objs = source_of(self.model), self._write_alias(), list(objs)
        conflicts = (ignore_conflicts, update_conflicts, update_fields, unique_fields)
        if source is None:
            return super().bulk_create(objs, batch_size, *conflicts)
        with transaction.atomic(using=using, savepoint=False):
            if ignore_conflicts or update_conflicts:
                with asking(source, objs, unique_fields, using):
                    return super().bulk_create(objs, batch_size, *conflicts)
            created = super().bulk_create(objs, batch_size)
            count(all_at_once(source.keys_of(created, using), 1), using)
        return created

    def update(self, **values: Any) -> int:
        """As Django's, counted by what the rows, locked meanwhile, counted for before and count for after.

        Raises:
            CountingConflict: other programs kept adding rows that the update would have changed too.
        """
        source, using = source_of(self.model), self._write_alias()
        if source is None or not source.touches(values) or not self._may_be_locked():
            return super().update(**values)
        with transaction.atomic(using=using, savepoint=False):
            for _ in range(TRIES):
                with suppress(RowsAppeared), transaction.atomic(using=using):
                    return self._update_locked(source, using, values)
        raise CountingConflict(f"{self.model._meta.label}: rows kept appearing while they were updated. Try again.")

    update.alters_data = True  # type: ignore[attr-defined]

    def _update_locked(self, source: Source, using: str, values: dict[str, Any]) -> int:
        before = source.lock(self._to_lock(source, using), using)
        changed = self._update_only(before, source, using, values)
        after = source.lock_pks(before, using)
        watched.changed(using, source.model, after)
        count(total(change(keys, after.get(pk, UNCOUNTED)) for pk, keys in before.items()), using)
        return changed

    def _update_only(self, locked: Mapping[Any, Any], source: Source, using: str, values: dict[str, Any]) -> int:
        """Update these rows and no others.

        While some were waited for, one may have left the condition and another joined it: a number tells nothing.
        """
        if len(locked) <= BATCH:
            return super(CountedQuerySet, self.filter(pk__in=list(locked))).update(**values)
        still = source.read(self._to_lock(source, using), using)
        if still.keys() != locked.keys() or super().update(**values) != len(locked):
            raise RowsAppeared
        return len(locked)

    def delete(self) -> tuple[int, dict[str, int]]:
        """As Django's, with the rows locked and read once."""
        source, using = source_of(self.model), self._write_alias()
        if source is None or not self._may_be_locked():
            return super().delete()
        with transaction.atomic(using=using, savepoint=False), deletion(source, self._to_lock(source, using), using):
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def _write_alias(self) -> str:
        self._for_write = True
        return self.db

    def _may_be_locked(self) -> bool:
        """Whether the rows can be locked as they are asked for; else each is locked by itself."""
        return not (self.query.is_sliced or self.query.distinct_fields or self.query.combinator)

    def _to_lock(self, source: Source, using: str) -> models.QuerySet[Any]:
        return source.rows(using).filter(pk__in=self.using(using).order_by().values("pk"))

    def update_counted(self, counter: Counter, key: Any, delta: int, **values: Any) -> int:
        """Update rows of one key, each of which changes its count by ``delta``.

        One atomic ``UPDATE``: its number of changed rows, times ``delta``, is counted.

        Args:
            counter: whose count changes.
            key: the key of all rows of the queryset.
            delta: by how much each changed row changes the count: the queryset must hold only rows that do.
            values: as for ``update``.

        Returns:
            How many rows were changed.
        """
        using, source = self._write_alias(), source_of(self.model)
        counted_by_others = source is not None and source.counters != [counter]
        if counted_by_others or counter.capture == "triggers":
            return self.update(**values)
        with transaction.atomic(using=using, savepoint=False):
            changed = models.QuerySet.update(self, **values)
            recording.add(counter, {key: delta * changed}, using)
        return changed
