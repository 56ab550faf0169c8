"""Querysets whose bulk methods are counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models, transaction

from .counters import Counter
from .exceptions import NotCounted
from .signals import deletion
from .sources import UNCOUNTED, change, count, source_of, total


class CountedQuerySet(models.QuerySet[Any]):
    """A queryset that counts what its bulk methods really change, in the change's own transaction."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        """As Django's, counted as one sum per key."""
        source, using = source_of(self.model), self._write_alias()
        if source is None:
            return super().bulk_create(objs, *args, **kwargs)
        if kwargs.get("ignore_conflicts") or kwargs.get("update_conflicts"):
            raise NotCounted(
                f"{self.model._meta.label}: bulk_create with ignore_conflicts or update_conflicts does not tell which"
                " rows it made. Look which are there, and create the others."
            )
        with transaction.atomic(using=using, savepoint=False):
            created = super().bulk_create(objs, *args, **kwargs)
            changes = total(change(UNCOUNTED, keys) for keys in source.keys_of(created, using))
            count(changes, using)
        return created

    def delete(self) -> tuple[int, dict[str, int]]:
        """As Django's, with the rows locked and read once."""
        source, using = source_of(self.model), self._write_alias()
        if source is None or not self._may_be_locked():
            return super().delete()
        with transaction.atomic(using=using, savepoint=False), deletion(source, self._to_lock(using), using):
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def _write_alias(self) -> str:
        self._for_write = True
        return self.db

    def _may_be_locked(self) -> bool:
        """Whether the rows can be locked as they are asked for; else each is locked by itself."""
        query = self.query
        grouped = bool(getattr(self, "_fields", None))
        return not (query.is_sliced or query.distinct_fields or query.combinator or grouped)

    def _to_lock(self, using: str) -> models.QuerySet[Any]:
        chosen = self.using(using).order_by().values("pk")
        rows: models.QuerySet[Any] = self.model._base_manager.using(using).filter(pk__in=chosen)
        return rows

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
        using = self._write_alias()
        with transaction.atomic(using=using, savepoint=False):
            changed = models.QuerySet.update(self, **values)
            counter.add({key: delta * changed}, using=using)
        return changed


class NotificationQuerySet(CountedQuerySet):
    """The notifications' queryset."""

    def unread(self) -> NotificationQuerySet:
        return self.filter(has_read=False)

    def of(self, user: Any) -> NotificationQuerySet:
        """The notifications of a user, who may be given as an instance or a primary key."""
        return self.filter(user=user)

    def mark_as_read(self) -> int:
        """Mark all of them as read, whosever they are.

        Returns:
            How many were unread.
        """
        source, using = source_of(self.model), self._write_alias()
        if source is None:  # its triggers count
            rows = self if self._may_be_locked() else self._to_lock(using)
            marked: int = rows.filter(has_read=False).update(has_read=True)
            return marked
        with transaction.atomic(using=using, savepoint=False):
            unread = source.lock(self._to_lock(using).filter(has_read=False), using)
            rows = self.model._base_manager.using(using).filter(pk__in=list(unread), has_read=False)
            changed: int = rows.update(has_read=True)
            count(total(change(keys, UNCOUNTED) for keys in unread.values()), using)
        return changed

    mark_as_read.alters_data = True  # type: ignore[attr-defined]
