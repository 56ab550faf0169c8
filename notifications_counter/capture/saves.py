"""A save: what its row counted for before, read under a lock, against what it counts for after.

All of it happens around Django's own write of the row, in one transaction, and no signal comes between: a receiver may
change the same row before or after, and is counted by itself. A fixture's rows are saved by the same method.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import models, transaction

from ..exceptions import CountingConflict
from . import held as watched
from .sources import UNCOUNTED, Keys, Source, change, count, exact_source

#: How often a save is tried while other programs create the very row that it was going to create.
TRIES = 5


class RowAppeared(Exception):
    """Another program created the row after it was looked for, so that nobody knows what it counted for."""


def count_saves(model: type[models.Model]) -> None:
    """Count the saves of a model, of its proxies and of its children."""
    save_table = model._save_table  # type: ignore[attr-defined]
    if getattr(save_table, "counts", False):
        return

    @wraps(save_table)
    def counted_save_table(
        self: models.Model,
        raw: bool = False,
        cls: Any = None,
        force_insert: Any = False,
        force_update: bool = False,
        using: Any = None,
        update_fields: Any = None,
    ) -> Any:
        def save() -> Any:
            return save_table(self, raw, cls, force_insert, force_update, using, update_fields)

        source = exact_source(cls)
        if source is None or (update_fields is not None and not source.touches(update_fields)):
            return save()
        inserts = force_insert or (not raw and not force_update and _is_surely_new(self, cls))
        return Save(source, self, using, update_fields).run(save, inserts)

    counted_save_table.counts = True  # type: ignore[attr-defined]
    model._save_table = counted_save_table  # type: ignore[attr-defined]


def _is_surely_new(instance: models.Model, cls: type[models.Model]) -> bool:
    """Whether Django will only insert: without a primary key, or with a fresh one."""
    pk = cls._meta.pk
    has_default = pk.has_default() or pk.has_db_default()
    return getattr(instance, pk.attname) is None or (instance._state.adding and has_default)


class Save:
    """One save of one row."""

    def __init__(self, source: Source, instance: models.Model, using: str, update_fields: Any) -> None:
        self.source = source
        self.instance = instance
        self.using = using
        self.partly = update_fields is not None and not source.columns <= source.attnames(update_fields)

    def run(self, save: Callable[[], Any], inserts: bool) -> Any:
        with transaction.atomic(using=self.using, savepoint=False):
            if inserts:
                updated, before = save(), UNCOUNTED
            else:
                updated, before = self._save_locked(save)
            after = self._after()
            watched.changed(self.using, self.source.model, {self.source.pk_of(self.instance): after})
            count(change(before, after), self.using)
        return updated

    def _save_locked(self, save: Callable[[], Any]) -> tuple[Any, Keys]:
        pk = self.source.pk_of(self.instance)
        for _ in range(TRIES):
            before = self.source.lock_one(self.using, pk)
            if before is not None:
                return save(), before
            try:
                return self._save_new(save), UNCOUNTED
            except RowAppeared:
                continue
        raise CountingConflict(
            f"{self.source.model._meta.label}: row {pk!r} kept appearing and disappearing. Try again."
        )

    def _save_new(self, save: Callable[[], Any]) -> Any:
        with transaction.atomic(using=self.using):
            updated = save()
            if updated:
                raise RowAppeared
        return updated

    def _after(self) -> Keys:
        if self.partly:
            return self.source.lock_one(self.using, self.source.pk_of(self.instance)) or UNCOUNTED
        return self.source.keys_of([self.instance], self.using)[0]
