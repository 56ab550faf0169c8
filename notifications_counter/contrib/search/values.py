"""Documents of rows whose columns say all: without an instance of each, which takes most of the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from ...declaration.counter import CounterDeclaration
from ...exceptions import described
from ...projections.documents import Outcome
from .bodies import CONVERSIONS, finished, kept, number, paths, value_of

if TYPE_CHECKING:
    from .declaration import SearchDeclaration


def is_of_columns(index: SearchDeclaration) -> bool:
    """Whether documents are made of columns that a statement gives as instances would."""
    model: Any = index.model
    is_plain = model.from_db.__func__ is models.Model.from_db.__func__ and model.__init__ is models.Model.__init__  # type: ignore[attr-defined]
    return is_plain and not index.is_custom and all(_is_column(model, path) for path in _read(index))


def read(index: SearchDeclaration, rows: models.QuerySet[Any], using: str) -> tuple[dict[str, Any], list[Outcome]]:
    """The bodies of those of some rows that have documents, by their keys; and why there is none of others."""
    found = list(kept(index, rows).values_list("pk", *_read(index)))
    popularity = _popularity(index, [row[0] for row in found], using)
    names = [(name, CONVERSIONS[field.kind]) for name, field in index.fields.items()]
    bodies, problems = {}, list[Outcome]()
    for pk, *values in found:
        key = index.key.text(pk)
        try:
            body = {
                name: _value(index, name, convert, given) for (name, convert), given in zip(names, values, strict=False)
            }
            known = popularity[pk] if popularity is not None else values[-1]
            bodies[key] = finished(body, None if index.popularity is None else number(known or 0))
        except ValueError as error:
            problems.append(Outcome(key, refused=f"{type(error).__name__}: {described(error)}"))
    return bodies, problems


def _read(index: SearchDeclaration) -> list[str]:
    return [*paths(index).values(), *([index.popularity] if isinstance(index.popularity, str) else [])]


def _is_column(model: type[models.Model], path: str) -> bool:
    *relations, last = path.split("__")
    here: Any = model
    try:
        for name in relations:
            relation: Any = here._meta.get_field(name)
            if not isinstance(relation, models.ForeignKey):
                return False
            here = relation.related_model
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
    if given is None or isinstance(given, list | tuple | set | frozenset):
        return value_of(index, name, given)
    return convert(given)
