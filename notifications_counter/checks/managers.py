"""A check of sources whose managers or querysets have methods of Django's that write by SQL of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db import models

from ..declaration.counter import CounterDeclaration

#: Methods by which rows are changed.
METHODS = ("update", "bulk_update", "delete", "create", "bulk_create", "get_or_create", "update_or_create")

#: What code names that sends SQL to a database.
SQL = {"cursor", "execute", "executemany", "copy"}


def check_managers(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[CheckMessage]:
    """What neither signals nor the querysets tell of, as far as the code says it."""
    if counter.capture != "signals":
        return
    found = sorted({method for manager in source._meta.managers for method in _methods(manager)})
    if found:
        sentence = f"SQL of their own is not counted at once, which these methods send: {', '.join(found)}."
        hint = 'Use capture="triggers", or recount the keys after such a call, and silence this.'
        yield Warning(f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id="notifications_counter.W065")


def _methods(manager: Any) -> Iterator[str]:
    for kind in (type(manager), getattr(manager, "_queryset_class", None)):
        for name in METHODS:
            method = getattr(kind, name, None)
            names = set(getattr(getattr(method, "__code__", None), "co_names", ()))
            if not str(getattr(method, "__module__", "django.")).startswith("django.") and names & SQL:
                yield f"{kind.__name__}.{name}"  # type: ignore[union-attr]
