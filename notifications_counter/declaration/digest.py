"""What a count means, as a digest: stored with the counts, it shows that they were made by another declaration."""

from __future__ import annotations

import base64
import enum
import hashlib
import json
from typing import Any

from django.db import models
from django.db.models import Q

from . import conditions
from .counter import CounterDeclaration
from .keys import target

#: Types of values that are written alike in every process.
PLAIN = (bool, int, str)


def digest_of(counter: CounterDeclaration) -> str | None:
    """A short name of what a counter declares, as far as it changes what its numbers mean; None of events.

    Values of which nobody knows how another process would write them are told by their type alone: better that a change
    is not noticed than that every process notices one.
    """
    source = counter.source
    if source is None:
        return None
    meaning = [
        source._meta.label,
        [conditions.column(source, name).attname for name in counter.source_keys],
        [f"{part.field.model._meta.label}.{part.field.attname}" for part in counter.keys.parts],
        _condition(counter.filter, source),
        counter.field.attname,
        None if counter.sum is None else [conditions.column(source, counter.sum).attname, counter.amounts.places],
    ]
    digest = hashlib.sha1(json.dumps(meaning).encode(), usedforsecurity=False).digest()
    return base64.b32encode(digest)[:12].decode().lower()


def _condition(condition: Q, source: type[models.Model]) -> list[Any]:
    children = [
        _condition(child, source) if isinstance(child, Q) else _comparison(child, source)
        for child in condition.children
    ]
    return [condition.connector, condition.negated, children]


def _comparison(child: Any, source: type[models.Model]) -> list[Any]:
    name, lookup, value = conditions.split(child)
    field = conditions.column(source, name)
    if isinstance(value, list | tuple | set | frozenset | range):
        return [field.attname, lookup, sorted(_value(field, one) for one in value)]
    return [field.attname, lookup, _value(field, value)]


def _value(field: models.Field[Any, Any], value: Any) -> str:
    value = value.value if isinstance(value, enum.Enum) else value
    if value is None or isinstance(value, PLAIN):
        return repr(value)
    try:
        prepared = target(field).get_prep_value(value)
    except Exception:  # a check says what is wrong with it
        return type(value).__name__
    said = str(prepared)
    return type(value).__name__ if said.startswith("<") else said
