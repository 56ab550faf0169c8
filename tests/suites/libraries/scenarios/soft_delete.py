"""Rows that are marked as deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_softdelete.models import SoftDeleteModel

from ..counted import count


class Note(SoftDeleteModel):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    read = models.BooleanField(default=False)


count(Note, "user", Q(deleted_at__isnull=True, read=False))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    notes = [Note.objects.create(user=user) for user in (ada, ada, bob)]
    Note.objects.bulk_create([Note(user=bob) for _ in range(3)])
    yield "create"
    notes[0].delete()
    yield "soft delete"
    notes[0].restore(strict=False)
    yield "restore"
    Note.objects.filter(user=bob).delete()
    yield "soft delete of a queryset"
    Note.deleted_objects.all().restore(strict=False)
    yield "restore of a queryset"
    notes[1].hard_delete()
    yield "hard delete"
    ada.delete()
    yield "delete of a user"
