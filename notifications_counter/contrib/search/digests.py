"""Digests of very many rows, for the audit: without an instance and a document of each, where the columns say all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from ...declaration.counter import CounterDeclaration
from ...projections.reading import documents_of
from .bodies import CONVERSIONS, _number, digest, kept, paths, value_of
from .sinks.base import DIGEST

if TYPE_CHECKING:
    from .declaration import SearchDeclaration


def digests(index: SearchDeclaration, keys: Sequence[str], using: str) -> dict[str, str]:
    """Digests of the documents that rows have now, by their keys; those of which none can be made are left out."""
    if not is_of_columns(index):
        documents, _ = documents_of(index, keys, 0, using)
        return {one.key: one.body[DIGEST] for one in documents if one.body is not None}
    rows = kept(index, index.rows(using).filter(pk__in=[index.key.value(key) for key in keys]))
    popular = [index.popularity] if isinstance(index.popularity, str) else []
    read = list(rows.values_list("pk", *paths(index).values(), *popular))
    popularity = _popularity(index, [row[0] for row in read], using)
    names = [(name, CONVERSIONS[field.kind]) for name, field in index.fields.items()]
    found = {}
    for pk, *values in read:
        try:
            fields = {
                name: _value(index, name, convert, given) for (name, convert), given in zip(names, values, strict=False)
            }
            known = values[-1] if popular else popularity[pk] if popularity is not None else None
            level = None if index.popularity is None else _number(known or 0)
        except ValueError:
            continue
        found[index.key.text(pk)] = digest(fields, level)
    return found


def is_of_columns(index: SearchDeclaration) -> bool:
    """Whether documents are made of columns that a statement gives as instances would."""
    popular = [index.popularity] if isinstance(index.popularity, str) else []
    return not index.is_custom and all(_is_column(index.model, path) for path in (*paths(index).values(), *popular))


def _is_column(model: type[models.Model], path: str) -> bool:
    *relations, last = path.split("__")
    here: Any = model
    try:
        for name in relations:
            field: Any = here._meta.get_field(name)
            if not isinstance(field, models.ForeignKey):
                return False
            here = field.related_model
        field = here._meta.pk if last == "pk" else here._meta.get_field(last)
    except FieldDoesNotExist:
        return False
    # A class of its own for the attribute of an instance, such as of a file, may make another value of the column.
    return (
        isinstance(field, models.Field)
        and not field.is_relation
        and field.concrete
        and field.descriptor_class is DeferredAttribute
    )


def _popularity(index: SearchDeclaration, pks: Sequence[Any], using: str) -> dict[Any, Any] | None:
    counter: Any = index.popularity
    if not isinstance(counter, CounterDeclaration):
        return None
    found: dict[Any, Any] = counter.values(pks, using=using)  # type: ignore[attr-defined]
    return found


def _value(index: SearchDeclaration, name: str, convert: Any, given: Any) -> Any:
    if given is None or isinstance(given, list):
        return value_of(index, name, given)
    return convert(given)
