"""Reads that no cache of queries may answer.

Packages that cache the results of querysets, such as django-cacheops, patch ``QuerySet`` itself. What a flush or a
recount reads must be what the database says now: with an old note of how far a walk is it would go on from there for
ever. The one public way to say so is ``select_for_update``, which locks. Such packages pass over querysets that are
``_for_write``, as Django's own are that read in order to write.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models

Model = TypeVar("Model", bound=models.Model)
Rows = TypeVar("Rows", bound=models.QuerySet[Any])


def uncached(rows: Rows) -> Rows:
    """A queryset, and all that are derived from it, as one that reads in order to write.

    Args:
        rows: a queryset that nobody else has, and that has ``using``.
    """
    rows._for_write = True  # type: ignore[attr-defined]
    return rows


def rows_of(model: type[Model], using: str) -> models.QuerySet[Model]:
    """All rows of a model, whatever its managers leave out."""
    return uncached(models.QuerySet(model, using=using))
