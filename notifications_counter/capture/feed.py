"""The one place where changes of a source's rows are published, in the change's own transaction.

Counting is the first subscriber. An app that must follow a model as exactly as a counter does is another one::

    from notifications_counter.capture import feed

    def note_products(changes, using):
        for change in changes:
            Outdated.objects.using(using).update_or_create(product_id=change.pk)

    feed.subscribe(Product, ["name", "price"], note_products)  # in AppConfig.ready()

What is published was really changed: bulk methods, cascades and fixtures are included, and what is rolled back takes
the subscriber's own rows along. Of a ``bulk_create`` with conflicts the database does not tell which rows it has
changed: all that may be are published, with what they hold now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.dispatch import Signal

from ..declaration.conditions import column
from . import counting
from .held import holds
from .sources import Row, Source, make_source

#: Sent with ``source`` when somebody wants to know of the changes of a model.
source_added = Signal()


@dataclass(frozen=True)
class Change:
    """A change of one row.

    Attributes:
        pk: the row's primary key.
        before: attribute name -> value of the columns that the subscriber has named; None where there was no row.
        after: the same after the change; None where the row is gone.
    """

    pk: Any
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


#: Takes the changes of one statement, and the alias of the database in whose transaction they are.
Receiver = Callable[[Sequence[Change], str], None]


class Subscription:
    """One receiver, and the columns that it cares about."""

    def __init__(self, names: Iterable[str], receiver: Receiver) -> None:
        self.names = sorted(names)
        self.receiver = receiver

    def publish(self, source: Source, using: str, changes: Iterable[tuple[Any, Row | None, Row | None]]) -> None:
        found = [
            Change(pk, self._columns(source, before), self._columns(source, after)) for pk, before, after in changes
        ]
        if relevant := [change for change in found if change.before != change.after or change.before is None]:
            self.receiver(relevant, using)

    def _columns(self, source: Source, row: Row | None) -> dict[str, Any] | None:
        return None if row is None else {name: row[source.places[name]] for name in self.names}


_subscriptions: dict[Source, list[Subscription]] = {}


def subscribe(model: type[models.Model], columns: Iterable[str], receiver: Receiver) -> None:
    """Call a receiver with each change of a model's rows that Django makes, in the change's own transaction.

    Args:
        model: the model, whose proxies and children are included.
        columns: names of its own columns. Updates that leave all of them as they are are not published.
        receiver: called with a list of ``Change`` and the database alias. What it raises, the caller of the change
            gets.

    Raises:
        FieldDoesNotExist: the model has no such column.
    """
    names = [column(model, name).attname for name in columns]
    source = make_source(model._meta.concrete_model or model)
    source.follow(names)
    _subscriptions.setdefault(source, []).append(Subscription(names, receiver))
    source_added.send(sender=Source, source=source)


def unsubscribe(receiver: Receiver) -> None:
    """Call a receiver no more, whatever it was subscribed to; for tests."""
    for source, subscriptions in list(_subscriptions.items()):
        kept = [subscription for subscription in subscriptions if subscription.receiver != receiver]
        _subscriptions[source] = kept


def has_subscribers(source: Source) -> bool:
    """Whether anybody but the counters wants to know of a source's changes."""
    return bool(_subscriptions.get(source))


def publish(
    source: Source,
    using: str,
    before: Mapping[Any, Row],
    after: Mapping[Any, Row],
    counted: counting.Changes | None = None,
) -> None:
    """Tell everyone of changed rows, in the transaction that has changed them.

    Args:
        source: whose rows they are.
        using: the database alias.
        before: primary key -> what the row was before; none of a row that is new.
        after: primary key -> what it is now; none of a row that is gone.
        counted: what that means for the counters, where it is known.
    """
    if kept := holds(using, source):
        before = _as_counted(kept, before, after)
    if counted is None:
        counting.count(source, using, before.values(), after.values())
    else:
        counting.record(counted, using)
    _tell(source, using, before, after)


def publish_uncounted(source: Source, using: str, before: Mapping[Any, Row], after: Mapping[Any, Row]) -> None:
    """Tell everyone but the counters, of whose keys a recount has been requested."""
    if kept := holds(using, source):
        before = _as_counted(kept, before, after)
    _tell(source, using, before, after)


def _tell(source: Source, using: str, before: Mapping[Any, Row], after: Mapping[Any, Row]) -> None:
    for subscription in _subscriptions.get(source, ()):
        subscription.publish(
            source, using, [(pk, before.get(pk), after.get(pk)) for pk in dict.fromkeys((*before, *after))]
        )


def _as_counted(kept: Iterable[Any], before: Mapping[Any, Row], after: Mapping[Any, Row]) -> Mapping[Any, Row]:
    """What rows that are being saved have been counted for, instead of what they were; and note what they are now."""
    counted = dict(before)
    for hold in kept:
        pk = hold.pk
        if pk in before or pk in after:
            counted.pop(pk, None)
            if hold.row is not None:
                counted[pk] = hold.row
            hold.note(after.get(pk))
    return counted
