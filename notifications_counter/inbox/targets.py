"""Deleting an object deletes the notifications about it: see the setting ``DELETE_WITH_TARGET``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connections, models, router

from ..models import Notification
from .conf import inbox_settings
from .content import text_of_pk
from .models import Mute

#: How many notifications one statement deletes.
CHUNK = 5_000

#: What nobody is told of: the package's own tables, and one that many sites delete from all the time.
NEVER = ("notifications_counter", "notifications_counter_inbox", "sessions")


class Targets:
    """Follows the deletes of objects that notifications are about."""

    def concerns(self, model: type[models.Model]) -> bool:
        """Whether objects of a model take notifications along: by the setting alone."""
        wanted, meta = inbox_settings().DELETE_WITH_TARGET, _concrete(model)._meta
        # Models as a migration sees them are no objects of the site: there may be no tables yet.
        if wanted is False or meta.apps is not apps or meta.app_label in NEVER or len(meta.pk_fields) > 1:
            return False
        return wanted is True or meta.label_lower in _listed(tuple(wanted))

    def depends_on(self, model: type[models.Model], pks: Sequence[Any] | None, using: str) -> bool:
        """Whether there are notifications about objects that are about to be deleted; one query of an index."""
        alias = _alias(using)
        if not _has_table(alias):
            return False
        meta = _concrete(model)._meta
        about = Notification.objects.using(alias).filter(
            target_type__app_label=meta.app_label, target_type__model=meta.model_name
        )
        if pks is None:
            return about.exists()
        return any(about.filter(target_id__in=texts).exists() for texts in _texts(model, pks, alias))

    def lost(self, model: type[models.Model], pks: Sequence[Any], using: str) -> None:
        """Delete the notifications about objects, and who has muted them."""
        alias = _alias(using)
        kind = ContentType.objects.db_manager(alias).get_for_model(model)
        for texts in _texts(model, pks, alias):
            about = Notification.objects.using(alias).filter(target_type=kind, target_id__in=texts)
            while found := list(about.values_list("pk", flat=True)[: min(CHUNK, _most(alias))]):
                Notification.objects.using(alias).filter(pk__in=found).delete()
            Mute._default_manager.using(alias).filter(target_type=kind, target_id__in=texts).delete()


targets = Targets()


def _concrete(model: type[models.Model]) -> type[models.Model]:
    return model._meta.concrete_model or model


def _alias(using: str) -> str:
    """The database of the notifications about the objects of a database."""
    return using if router.allow_migrate_model(using, Notification) else router.db_for_write(Notification)


def _most(using: str) -> int:
    most = connections[using].features.max_query_params
    return most - 50 if most else CHUNK


def _texts(model: type[models.Model], pks: Sequence[Any], using: str) -> Iterator[list[str]]:
    """Primary keys as notifications have them, as many at a time as one statement can name."""
    length = _most(using)
    for start in range(0, len(pks), length):
        yield [text_of_pk(model, pk) for pk in pks[start : start + length]]


@cache
def _listed(labels: tuple[str, ...]) -> frozenset[str]:
    """The labels of the tables' own models; a check says which there are not."""
    found = set()
    for label in labels:
        try:
            found.add(_concrete(apps.get_model(label))._meta.label_lower)
        except LookupError:
            continue
    return frozenset(found)


#: The aliases that have been found to have the columns.
_ready: set[str] = set()


def _has_table(using: str) -> bool:
    """Whether the notifications of a database are there: a site may delete objects before it has migrated."""
    if using in _ready:
        return True
    connection, table = connections[using], Notification._meta.db_table
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return False
        columns = connection.introspection.get_table_description(cursor, table)
    if not any(column.name == "target_id" for column in columns):
        return False
    _ready.add(using)
    return True
