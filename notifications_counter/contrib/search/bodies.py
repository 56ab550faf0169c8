"""From a row to its document: which columns it is made of, how they are read, and what values become."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import timezone

from ...declaration.counter import CounterDeclaration
from ...exceptions import InvalidSettings, quoted
from ...projections.links import Link
from .sinks.base import DIGEST, POPULARITY

if TYPE_CHECKING:
    from .declaration import SearchDeclaration

#: On rows that were read for documents: how popular each is.
FOUND = "_notifications_counter_popularity"

#: Made once: ``json.dumps`` with arguments makes an encoder each time.
_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

#: Of a digest, the characters that say what a document is; those after them say about how popular it is.
OF_FIELDS = 13


# Columns


def paths(index: SearchDeclaration) -> dict[str, str]:
    """The index's fields, with the path to the column that each is made of."""
    return {name: field.source or name for name, field in index.fields.items()}


def wanted(index: SearchDeclaration) -> list[str]:
    """The paths of all that documents are made of."""
    found = [*paths(index).values()]
    if isinstance(index.popularity, str):
        found.append(index.popularity)
    return found


def columns(index: SearchDeclaration) -> list[str]:
    """The names of those of the model's own columns that documents are made of."""
    own = index.model._meta.local_concrete_fields
    if index.is_custom:
        return [field.name for field in own]
    names = {path.split("__")[0] for path in (*wanted(index), *condition_paths(index.filter))}
    names |= {path.split("__")[0] for path in index.related_models.values()}
    if "pk" in names:
        names.add(index.model._meta.pk.name)
    return [field.name for field in own if field.name in names or field.attname in names or field.primary_key]


def condition_paths(condition: Any) -> Iterator[str]:
    """The paths that a condition compares."""
    for child in getattr(condition, "children", ()):
        if isinstance(child, tuple):
            yield child[0]
        else:
            yield from condition_paths(child)


def parent_links(index: SearchDeclaration) -> Iterator[tuple[Link, list[str]]]:
    """Of a model that inherits tables: the rows of its parents are its own too."""
    for parent in index.model._meta.get_parent_list():
        pk = parent._meta.pk
        yield Link(parent, pk.attname, pk.name), [field.name for field in parent._meta.local_concrete_fields]


def columns_of_related(index: SearchDeclaration, related: type[models.Model], path: str) -> list[str]:
    """The names of those of another model's columns that documents are made of."""
    own = [field.name for field in related._meta.local_concrete_fields]
    if index.is_custom:
        return own
    rest = {one.removeprefix(f"{path}__") for one in (*wanted(index), *condition_paths(index.filter))}
    names = {one.split("__")[0] for one in rest}
    return [name for name in own if name in names]


# Reading


def query(index: SearchDeclaration, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Those of some rows that have documents, with what they are made of in as few statements as there can be."""
    rows = kept(index, rows)
    single, several = set[str](), set[str]()
    for path in [*wanted(index), *(f"{one}__pk" for one in index.related_models.values())]:
        relations, many = _relations(index.model, path)
        (several if many else single).add(relations)
    rows = rows.select_related(*sorted(single - {""})) if single - {""} else rows
    return rows.prefetch_related(*sorted(several - {""}))


def kept(index: SearchDeclaration, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Those of some rows that have documents."""
    if index.filter is None:
        return rows
    # By a subquery: a condition over a relation to many rows must not give a row twice.
    return rows.filter(pk__in=rows.model._base_manager.using(rows.db).filter(index.filter).values("pk"))


def _relations(model: type[models.Model], path: str) -> tuple[str, bool]:
    """The relations of a path, and whether one of them leads to many rows."""
    names, many, here = [], False, model
    for name in path.split("__"):
        field: Any = None if name == "pk" else here._meta.get_field(name)
        if field is None or not field.is_relation or field.related_model is None:
            break
        names.append(getattr(field, "get_accessor_name", lambda name=name: name)())
        many = many or field.one_to_many or field.many_to_many
        here = field.related_model
    else:
        names = names[:-1] if names else names
    return "__".join(names), many


def look_up_popularity(index: SearchDeclaration, rows: Sequence[Any], using: str) -> None:
    """Note on each row how popular it is, where a counter says so."""
    counter: Any = index.popularity
    if isinstance(counter, CounterDeclaration):
        found = counter.values([row.pk for row in rows], using=using)  # type: ignore[attr-defined]
        for row in rows:
            setattr(row, FOUND, found[row.pk])


# Documents


def body(index: SearchDeclaration, row: Any) -> dict[str, Any]:
    """What a sink is given of a row.

    Raises:
        InvalidSettings: the site's own function makes no dictionary, or has a field that the index does not.
    """
    made = index.own_document(row) if index.own_document else index.document(row)
    if not isinstance(made, Mapping):
        raise InvalidSettings(f"The document of a row must be a dictionary, not {quoted(made)}.")
    if unknown := sorted(made.keys() - index.fields.keys()):
        raise InvalidSettings(f"{index.label} has no field {quoted(unknown[0])}.")
    return finished({name: value_of(index, name, made.get(name)) for name in index.fields}, popularity_of(index, row))


def finished(found: dict[str, Any], popularity: float | None) -> dict[str, Any]:
    """A body, with what a document has beside the index's fields."""
    if popularity is not None:
        found[POPULARITY] = popularity
    found[DIGEST] = digest(found, popularity)
    return found


def document(index: SearchDeclaration, row: Any) -> dict[str, Any]:
    """The document of a row as the fields say it."""
    return {name: follow(row, path) for name, path in paths(index).items()}


def popularity_of(index: SearchDeclaration, row: Any) -> float | None:
    """How popular a row is; None where the index does not say."""
    if index.popularity is None:
        return None
    found = follow(row, index.popularity) if isinstance(index.popularity, str) else getattr(row, FOUND, 0)
    return number(found or 0)


def digest(found: Mapping[str, Any], popularity: float | None) -> str:
    """A text of 16 characters that tells documents apart; its last three say only about how popular a row is."""
    fields = {name: value for name, value in found.items() if name not in (DIGEST, POPULARITY)}
    hashed = hashlib.blake2b(_encoded(fields).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    level = 0 if popularity is None else int(2 * math.log2(1 + max(0, popularity)))
    return f"{hashed[:OF_FIELDS]}{level:03x}"


def follow(row: Any, path: str) -> Any:
    """What a path of relations leads to: one value, or a list where a relation leads to many rows."""
    here: Any = row
    for place, name in enumerate(path.split("__")):
        if here is None:
            return None
        here = _step(here, name)
        if isinstance(here, models.Manager):
            rest = "__".join(path.split("__")[place + 1 :])
            return sorted({value for one in here.all() for value in _flat(follow(one, rest or "pk"))}, key=str)
    return here.pk if isinstance(here, models.Model) else here


@cache
def _accessor(model: type[models.Model], name: str) -> str:
    """The attribute of a row that a name in a path means."""
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return name
    return getattr(field, "get_accessor_name", lambda: name)() or name


def _step(here: Any, name: str) -> Any:
    try:
        return getattr(here, _accessor(here.__class__, name))
    except models.ObjectDoesNotExist:  # the other end of a relation to one row that may be missing
        return None


def _flat(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def value_of(index: SearchDeclaration, name: str, given: Any) -> Any:
    """A value, or a list of them, as JSON has it.

    Raises:
        ValueError: it is none of the field's kind.
    """
    if isinstance(given, list | tuple | set | frozenset):
        return [value_of(index, name, one) for one in given]
    if given is None:
        return None
    return CONVERSIONS[index.fields[name].kind](given)


def _text(given: Any) -> str:
    return str(given).replace("\0", " ")


def number(given: Any) -> int | float:
    """A number as JSON has it.

    Raises:
        ValueError: it is none.
    """
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        raise ValueError(f"{quoted(given)} is no number")
    found = float(given) if isinstance(given, Decimal) else given
    if isinstance(found, float) and not math.isfinite(found):
        raise ValueError(f"{quoted(given)} is not finite")
    if isinstance(found, int) and abs(found) >= 2**63:
        raise ValueError(f"{quoted(given)} is too large")
    return int(found) if isinstance(found, float) and found.is_integer() and abs(found) < 2**53 else found


def _date(given: Any) -> str:
    if isinstance(given, datetime.datetime):
        aware = timezone.make_aware(given) if timezone.is_naive(given) else given
        return aware.astimezone(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(given, datetime.date):
        return f"{given.isoformat()}T00:00:00.000000Z"
    raise ValueError(f"{quoted(given)} is neither a date nor a moment")


def _boolean(given: Any) -> bool:
    if not isinstance(given, bool):
        raise ValueError(f"{quoted(given)} is neither True nor False")
    return given


CONVERSIONS: dict[str, Any] = {
    "text": _text,
    "autocomplete": _text,
    "keyword": _text,
    "number": number,
    "date": _date,
    "boolean": _boolean,
}
