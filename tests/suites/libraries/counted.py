"""Count models of a scenario, and whether they say what ``COUNT(*)`` says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.models import Count, Q

from ..names import make_counter

COUNTED: list[tuple[Any, str, Q]] = []


def count(source: type[models.Model], key: str, condition: Q | None = None) -> None:
    """Count the rows of a model, with the capture that the command asks for."""
    condition = Q() if condition is None else condition
    namespace = {
        "__module__": source.__module__,
        "key": models.BigIntegerField(primary_key=True),
        "number": models.BigIntegerField(default=0),
        "counter": make_counter(source, key, condition, os.environ["NC_SUITES_CAPTURE"]),
    }
    COUNTED.append((type(f"Count{len(COUNTED)}", (models.Model,), namespace), key, condition))


def wrong_counts() -> Iterator[str]:
    """What is wrong: as the counts are read, and as they are read after a flush."""
    for model, key, condition in COUNTED:
        rows = models.QuerySet(model.counter.source).filter(condition, **{f"{key}__isnull": False})
        true = dict(rows.order_by().values_list(key).annotate(nc_number=Count("*")))
        yield from _differences(model, "read", true)
        model.counter.flush()
        yield from _differences(model, "after a flush", true)


def _differences(model: Any, when: str, true: dict[Any, int]) -> Iterator[str]:
    keys = {*true, *model._base_manager.values_list("pk", flat=True)}
    for key, said in model.counter.values(keys).items() if keys else ():
        if said != true.get(key, 0):
            yield f"{model.counter.source.__name__} by {key}, {when}: {said} for {true.get(key, 0)} rows"
