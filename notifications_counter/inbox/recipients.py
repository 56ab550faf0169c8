"""Who is notified: from what a program gives to slices of primary keys."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldError, ValidationError
from django.db import connections, models

from ..exceptions import InvalidRecipients, quoted, unknown

Users = models.QuerySet[Any]

_named: dict[str, Callable[..., Users]] = {}


@dataclass(frozen=True)
class Named:
    """Recipients that a function finds, so that a task can be told of a million by a name.

    Attributes:
        name: under which the function was registered with ``recipients``.
        arguments: its arguments, which a task needs as JSON.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def users(self) -> Users:
        """What the function returns.

        Raises:
            InvalidRecipients: there is no such function, or it returns no queryset of users.
        """
        if self.name not in _named:
            raise InvalidRecipients(unknown("name of recipients", self.name, _named))
        found = _named[self.name](**self.arguments)
        if not isinstance(found, models.QuerySet):
            raise InvalidRecipients(f"The recipients {self.name!r} must be a queryset of users, not {quoted(found)}.")
        return found


def recipients(name: str) -> Callable[[Callable[..., Users]], Callable[..., Users]]:
    """Register a function that returns a queryset of users, where each process that sends imports it.

    Args:
        name: what ``Named`` and tasks call it.
    """

    def register(function: Callable[..., Users]) -> Callable[..., Users]:
        _named[name] = function
        return function

    return register


@recipients("everyone")
def everyone() -> Users:
    """All users who are active."""
    users: Users = get_user_model()._default_manager.filter(is_active=True)
    return users


class Slice(NamedTuple):
    """Primary keys of users, each once, and whether all of these users are known to be there."""

    pks: list[Any]
    exist: bool


def slices_of(given: Any, size: int, using: str) -> Callable[[], Iterator[Slice]]:
    """Read recipients slice by slice; what can be checked is checked at once.

    Args:
        given: a user, a primary key, a group, a queryset of users, ``Named``, or an iterable of users or primary keys.
        size: how many a slice has at most.
        using: the database alias of the notifications.

    Raises:
        InvalidRecipients: it is none of these.
    """
    if isinstance(given, Named):
        given = given.users()
    if isinstance(given, Group):
        given = _members(given)
    if isinstance(given, models.QuerySet):
        _check_queryset(given)
        return lambda: _of_queryset(given, size, using)
    if isinstance(given, (models.Model, int, uuid.UUID)):
        given = [given]
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        advice = f" A primary key that is text stands in a list: [{quoted(given)}]." if isinstance(given, str) else ""
        raise InvalidRecipients(
            "Recipients are a user, a primary key, a group, a queryset of users or an iterable of users or primary "
            f"keys, not {quoted(given)}.{advice}"
        )
    if isinstance(given, Collection):
        for one in given:
            _pk(one)
    return lambda: _of_iterable(given, size)


def _members(group: Group) -> Users:
    if group.pk is None:
        raise InvalidRecipients(f"The group {quoted(group.name)} has not been saved.")
    try:
        users: Users = get_user_model()._default_manager.filter(groups=group)
    except FieldError:
        raise InvalidRecipients(f"{get_user_model()._meta.label} has no groups.") from None
    return users


def _check_queryset(users: Users) -> None:
    user = get_user_model()
    if not issubclass(users.model, user):
        raise InvalidRecipients(
            f"A queryset of recipients is one of {user._meta.label}, not of {users.model._meta.label}: filter the"
            " users by it, as in filter(pk__in=rows.values('user'))."
        )


def _of_queryset(users: Users, size: int, using: str) -> Iterator[Slice]:
    """Page by page in the order of the primary keys: nothing is held open between two of them."""
    if users._db is None:  # type: ignore[attr-defined]
        users = users.using(using)
    query = users.query
    if query.is_sliced or query.combinator or query.distinct_fields:  # nothing can be added to these
        yield from _parts(users.values_list("pk", flat=True), size, True)
        return
    rows = users.order_by("pk").values_list("pk", flat=True)
    rows.query.standard_ordering = True  # ``reverse`` turns every order round
    found = list(rows[:size])
    while found:
        yield Slice(list(dict.fromkeys(found)), True)
        found = list(rows.filter(pk__gt=found[-1])[:size]) if len(found) == size else []


def _of_iterable(given: Iterable[Any], size: int) -> Iterator[Slice]:
    yield from _parts(map(_pk, given), size, False)


def _parts(pks: Iterable[Any], size: int, exist: bool) -> Iterator[Slice]:
    """Each primary key once, which takes the memory of all of them."""
    seen: set[Any] = set()

    def new() -> Iterator[Any]:
        for pk in pks:
            if pk not in seen:
                seen.add(pk)
                yield pk

    unseen = new()
    while part := list(islice(unseen, size)):
        yield Slice(part, exist)


def _pk(one: Any) -> Any:
    """The primary key of a user, or one that is given, as the database has it."""
    user = get_user_model()
    if isinstance(one, models.Model):
        if not isinstance(one, user):
            raise InvalidRecipients(f"{quoted(one)} is no user: recipients are instances of {user._meta.label}.")
        if one.pk is None or one._state.adding:  # a key that Python makes, such as a UUID, is there before the row
            raise InvalidRecipients(f"The user {quoted(one)} has not been saved.")
        return one.pk
    try:
        pk = None if isinstance(one, bool) else user._meta.pk.to_python(one)
    except (ValidationError, TypeError, ValueError):
        pk = None
    if pk is None:
        raise InvalidRecipients(f"{quoted(one)} is neither a user nor a primary key of one.")
    return pk


def most_a_slice(using: str) -> int:
    """How many users one statement can name."""
    most = connections[using].features.max_query_params
    return max(1, most - 50) if most else 50_000


def among(name: str, pks: Sequence[Any]) -> dict[str, Any]:
    """The condition that a column has one of some primary keys, or lies among them where they are close together.

    The database and the driver take a range in a fraction of the time of a list; what else lies in it the caller leaves
    out.

    Args:
        name: the name of the field.
        pks: the primary keys, at least one.
    """
    if all(type(pk) is int for pk in pks):
        first, last = min(pks), max(pks)
        if last - first < 2 * len(pks):
            return {f"{name}__gte": first, f"{name}__lte": last}
    return {f"{name}__in": pks}


def existing(pks: list[Any], using: str) -> list[Any]:
    """Those of the users that are there."""
    rows = get_user_model()._base_manager.using(using).filter(**among("pk", pks))
    found = set(rows.values_list("pk", flat=True))
    return [pk for pk in pks if pk in found]
