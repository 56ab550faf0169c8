"""A count model for each model whose rows are to be counted; the environment says how (``NC_SUITES_CAPTURE``)."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.db import models
from django.db.models import Q

from ..names import make_counter
from .filtered import FILTERED
from .keys import key_field, key_of

#: Not counted: the apps of ours.
OURS = ("nc", "notifications_counter")


class Counted(NamedTuple):
    """What a count model counts, to be counted again without the counter."""

    source: type[models.Model]
    column: str
    condition: Q


def sources() -> Iterator[type[models.Model]]:
    """All models with tables of their own, automatic many-to-many tables included, of the apps before this one."""
    for label in [label for label in apps.app_configs if label not in OURS]:
        for model in list(apps.all_models[label].values()):
            if model._meta.managed and not model._meta.proxy and not model._meta.swapped:
                yield model


def name_of(source: type[models.Model], number: int) -> str:
    """Permissions on a model take at most 93 characters of its name."""
    name = f"{source._meta.app_label}_{source.__name__}{number or ''}"
    return name if len(name) <= 90 else f"{name[:80]}_{zlib.crc32(name.encode()):x}"


def make_count_model(source: type[models.Model], number: int, key: Any, condition: Q) -> type[models.Model]:
    """Keys are no foreign keys, so that nothing changes in how the models of the suites are related."""
    namespace = {
        "__module__": __name__,
        "counted": Counted(source, key.attname, condition),
        "key": key_field(key),
        "number": models.BigIntegerField(default=0),
        "counter": make_counter(source, key.name, condition, os.environ["NC_SUITES_CAPTURE"]),
    }
    return type(name_of(source, number), (models.Model,), namespace)


for source in sources():
    if (key := key_of(source)) is not None:
        make_count_model(source, 0, key, Q())
    for number, (name, condition) in enumerate(FILTERED.get(source._meta.label, ()), start=1):
        make_count_model(source, number, source._meta.get_field(name), condition)
