"""From rows to documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections
from django.db.models import QuerySet

from ..dialects import dialect_of
from ..exceptions import described
from .declaration import Projection
from .documents import Document, Outcome


def documents_of(
    projection: Projection, keys: Iterable[str], version: int, using: str
) -> tuple[list[Document], list[Outcome]]:
    """The documents of rows as they are now.

    Args:
        projection: whose documents they are.
        keys: primary keys as texts.
        version: what the documents get.
        using: the database alias.

    Returns:
        One document for each key of which one could be made, without a body where there is no such row; and of the
        others, why not.
    """
    wanted = list(keys)
    values = [projection.key.value(key) for key in wanted]
    bodies, problems = _read(projection, projection.rows(using).filter(pk__in=values), using)
    failed = {problem.key for problem in problems}
    return [Document(key, version, bodies.get(key)) for key in wanted if key not in failed], problems


def documents_between(
    projection: Projection, after: str | None, last: str, version: int, using: str
) -> tuple[list[Document], list[Outcome]]:
    """The documents of the rows that come after one, up to another one; of all before it without the first.

    Returns:
        As ``documents_of``, without those that have no body.
    """
    rows = _after(projection, projection.rows(using).filter(pk__lte=projection.key.value(last)), after)
    bodies, problems = _read(projection, rows, using)
    return [Document(key, version, body) for key, body in bodies.items()], problems


def _read(projection: Projection, rows: QuerySet[Any], using: str) -> tuple[dict[str, Any], list[Outcome]]:
    found = projection.read_columns(rows, using)
    if found is None:
        found = bodies_of(projection, {projection.key.text(row.pk): row for row in projection.query(rows)}, using)
    return found


def bodies_of(
    projection: Projection, rows: Mapping[str, Any], using: str
) -> tuple[dict[str, dict[str, Any]], list[Outcome]]:
    """The bodies of rows by their keys; and of those of which none could be made, why not."""
    projection.prepare(list(rows.values()), using)
    bodies, problems = {}, []
    for key, row in rows.items():
        try:
            bodies[key] = projection.body(row)
        except DatabaseError:  # no fault of the row
            raise
        except Exception as error:  # what a site's own function raises for one row must not hold up the others
            problems.append(Outcome(key, refused=f"{type(error).__name__}: {described(error)}"))
    return bodies, problems


def lock(projection: Projection, keys: Iterable[str], using: str) -> set[str]:
    """Keep others from changing rows until the end of the transaction; which of them are there."""
    values = [projection.key.value(key) for key in keys]
    rows = projection.rows(using).filter(pk__in=values).order_by("pk")
    found = dialect_of(connections[using]).lock(rows).values_list("pk", flat=True)
    return {projection.key.text(pk) for pk in found}


def keys_of(
    projection: Projection, lookup: str, values: Iterable[Any], using: str, most: int | None = None
) -> list[str]:
    """The keys of the rows of which a lookup equals one of some values, or so many of them at most."""
    rows = projection.rows(using).filter(**{f"{lookup}__in": list(values)})
    return [projection.key.text(pk) for pk in rows.values_list("pk", flat=True).distinct()[:most]]


def keys_after(projection: Projection, rows: QuerySet[Any], after: str | None, size: int) -> list[str]:
    """The keys of the next of some rows, in their order; of the first ones without a key after which they come."""
    following = _after(projection, rows, after).order_by("pk")
    return [projection.key.text(pk) for pk in following.values_list("pk", flat=True)[:size]]


def _after(projection: Projection, rows: QuerySet[Any], key: str | None) -> QuerySet[Any]:
    return rows if key is None else rows.filter(pk__gt=projection.key.value(key))


def without_rows(projection: Projection, keys: Iterable[str], using: str) -> list[str]:
    """Those of some keys of which there is no row."""
    values = {projection.key.value(key): key for key in keys}
    there = set(projection.rows(using).filter(pk__in=list(values)).values_list("pk", flat=True))
    return [key for value, key in values.items() if value not in there]
