"""Which documents are outdated is noted in the transaction that has changed what they are made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, models, router

from ..capture import feed
from ..capture.feed import Change
from .declaration import Projection, projections
from .links import Link
from .reading import documents_of, keys_of, lock
from .tables import OutdatedDocuments

#: The most keys that one pending row has.
MOST_KEYS = 1000

#: The most documents of rows that hold something of another that has changed which a sink in the database is given in
#: the change's own transaction; the flush gives it those of more.
MOST_AT_ONCE = 1000

_following: dict[Projection, list[Callable[..., None]]] = {}


def follow(projection: Projection) -> None:
    """Note from now on what changes; triggers need nobody to listen."""
    if projection.capture != "signals" or projection in _following:
        return
    own = _OwnChanges(projection)
    receivers: list[Callable[..., None]] = [own.note]
    feed.subscribe(projection.model, _without_key(projection), own.note)
    for link, columns in projection.links():
        others = _OthersChanges(projection, link)
        feed.subscribe(link.model, {link.attname, *columns}, others.note)
        receivers.append(others.note)
    _following[projection] = receivers


def _without_key(projection: Projection) -> list[str]:
    """The columns, without the primary key, of which every change tells: only the database knows one that is new."""
    keys = {field.name for field in getattr(projection.model._meta, "pk_fields", None) or [projection.model._meta.pk]}
    columns = list(projection.columns())
    return [name for name in columns if name not in keys] or columns


def unfollow(projection: Projection) -> None:
    """Note nothing any more, for tests."""
    for receiver in _following.pop(projection, ()):
        feed.unsubscribe(receiver)


def note(projection: Projection, keys: Iterable[Any], using: str, lookup: str = "") -> None:
    """Write down that documents are outdated, in the open transaction.

    Args:
        projection: whose documents they are.
        keys: primary keys as texts; or with ``lookup`` what it must be equal to.
        using: the database alias.
        lookup: leads from the rows to others that have changed.
    """
    quote = connections[using].ops.quote_name
    columns = ", ".join(map(quote, ("projection", "lookup", "keys", "size")))
    sql = f"INSERT INTO {quote(OutdatedDocuments._meta.db_table)} ({columns}) VALUES (%s, %s, %s, %s)"
    with connections[using].cursor() as cursor:  # which costs a change much less than instances would
        for part in _parts(list(dict.fromkeys(keys))):
            cursor.execute(sql, [projection.label, lookup, _json(part), len(part)])


def note_all(model: type[models.Model], using: str, keys: Iterable[Any]) -> None:
    """Have the documents of rows brought up to date that were changed behind Django's back.

    Args:
        model: whose rows they are; of all its projections the documents are made anew.
        using: the database alias.
        keys: their primary keys.
    """
    given = list(keys)
    for projection in projections():
        if projection.model._meta.concrete_model is model._meta.concrete_model:
            note(projection, map(projection.key.text, given), using)


def _json(keys: Sequence[Any]) -> str:
    return json.dumps(keys, cls=DjangoJSONEncoder, separators=(",", ":"))


def _parts(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(keys), MOST_KEYS):
        yield keys[begin : begin + MOST_KEYS]


def _belongs(projection: Projection, using: str) -> bool:
    return projection.using in (None, using) and bool(router.allow_migrate_model(using, OutdatedDocuments))


class _OwnChanges:
    """Follows the rows themselves."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection

    def note(self, changes: Sequence[Change], using: str) -> None:
        if _belongs(self.projection, using):
            keys = [self.projection.key.text(change.pk) for change in changes]
            if self.projection.sink.in_transaction:
                keys = write_now(self.projection, keys, using)
            if keys:
                note(self.projection, keys, using)


class _OthersChanges:
    """Follows rows of another model."""

    def __init__(self, projection: Projection, link: Link) -> None:
        self.projection, self.link = projection, link

    def note(self, changes: Sequence[Change], using: str) -> None:
        states = [state for change in changes for state in (change.before, change.after)]
        values = [state[self.link.attname] for state in states if state is not None]
        given = [value for value in dict.fromkeys(values) if value is not None]
        if given and _belongs(self.projection, using):
            self._note(given, using)

    def _note(self, values: list[Any], using: str) -> None:
        # Even where all is written now: who adds such a row at this moment sees the other one as it was, and cannot be
        # seen from here.
        note(self.projection, values, using, self.link.lookup)
        if self.projection.sink.in_transaction:
            keys = keys_of(self.projection, self.link.lookup, values, using, MOST_AT_ONCE)
            write_now(self.projection, keys, using)


def write_now(projection: Projection, keys: Sequence[str], using: str) -> list[str]:
    """Give documents to a sink that lives in the database, in the open transaction.

    Returns:
        The keys of those that could not be made, or that it refused.
    """
    left = []
    for part in _parts(keys):
        lock(projection, part, using)
        documents, problems = documents_of(projection, part, 0, using)
        outcomes = projection.sink.send(projection, documents, using=using)
        left += [one.key for one in (*problems, *outcomes) if one.refused or one.retry]
    return left
