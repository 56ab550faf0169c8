"""How the rows of other models lead to the rows whose documents hold something of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from ..exceptions import InvalidSettings, quoted


@dataclass(frozen=True)
class Link:
    """A column of another model that says which rows have to be looked at when it, or its row, has changed.

    Attributes:
        model: the other model.
        attname: the column.
        lookup: what of the rows equals the column's value, as in ``filter``.
    """

    model: type[models.Model]
    attname: str
    lookup: str


def links(model: type[models.Model], related: type[models.Model], path: str) -> Iterator[Link]:
    """The links of a path of relations.

    Args:
        model: the model whose documents they are.
        related: the model that the path leads to, or a proxy or parent of it.
        path: names of relations, joined by two underscores.

    Raises:
        InvalidSettings: it leads nowhere, or elsewhere.
    """
    here, lookup = model, ""
    for name in path.split("__"):
        relation = _relation(here, name, path)
        before, lookup = lookup, f"{lookup}__{name}" if lookup else name
        if through := _through(relation):
            yield Link(*through, _of(before, "pk"))
        here = relation.related_model
    if here._meta.concrete_model is not related._meta.concrete_model:
        raise InvalidSettings(
            f"{quoted(path)} leads from {model._meta.label} to {here._meta.label}, not to {related._meta.label}."
        )
    yield from _ends(here, relation, before, lookup)


def _ends(here: type[models.Model], relation: Any, before: str, lookup: str) -> Iterator[Link]:
    if relation.one_to_many or (relation.one_to_one and relation.auto_created):
        field = relation.remote_field  # the rows say themselves to which one they belong
        yield Link(here, field.attname, _of(before, field.target_field.name))
    else:
        yield Link(here, here._meta.pk.attname, lookup)


def _of(before: str, name: str) -> str:
    return f"{before}__{name}" if before else name


def _relation(model: type[models.Model], name: str, path: str) -> Any:
    relation: Any
    try:
        relation = model._meta.get_field(name)
    except FieldDoesNotExist:
        relation = next((one for one in model._meta.related_objects if one.name == name), None)
    if relation is None or not relation.is_relation or relation.related_model is None:
        raise InvalidSettings(f"{quoted(path)}: {model._meta.label} has no relation {quoted(name)}.")
    if not isinstance(relation, models.ForeignKey | models.ManyToManyField | models.ForeignObjectRel):
        raise InvalidSettings(f"{quoted(path)}: changes over {type(relation).__name__} cannot be followed.")
    return relation


def _through(relation: Any) -> tuple[type[models.Model], str] | None:
    """The table between two models, and its column that leads to the one that the path comes from."""
    if not relation.many_to_many:
        return None
    if relation.auto_created:  # from the other end
        field = relation.field
        return field.remote_field.through, field.m2m_reverse_field_name() + "_id"
    return relation.remote_field.through, relation.m2m_field_name() + "_id"
