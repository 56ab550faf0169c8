"""The declaration of a counter, its reads and its writes, and the registry of all counters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models, router
from django.db.models import Count, F, Q
from django.db.models.signals import class_prepared
from django.dispatch import Signal

from . import where as conditions
from .conf import is_integer
from .exceptions import InvalidDelta, InvalidSettings, unknown
from .keys import Keys

if TYPE_CHECKING:
    from .buffers import BufferHandler
    from .buffers.base import Buffer
    from .buffers.status import Status
    from .flush import Flushed
    from .recount import Recounted
    from .stored import Stored

#: Sent with ``counter`` when a counter has been bound to its model.
counter_bound = Signal()

#: Doubles, in which Redis keeps its scores, are exact up to here.
LARGEST_DELTA = 2**53

#: How a counter may learn of changes.
CAPTURES = ("signals", "triggers")

_counters: dict[str, Counter] = {}


@cache
def _buffers() -> BufferHandler:
    """Found at the first use, because the buffers know counters; and once, because every read asks for it."""
    from .buffers import buffers

    return buffers


def counters() -> list[Counter]:
    """All counters of all installed count models, by label."""
    return [counter for _, counter in sorted(_counters.items())]


def get_counter(label: str) -> Counter:
    """The counter with a label, ``app.Model.attribute``, of which the attribute may be left out where there is one.

    Raises:
        InvalidSettings: there is none, or more than one.
    """
    if label in _counters:
        return _counters[label]
    found = [counter for counter in counters() if counter.model._meta.label.lower() == label.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        labels = ", ".join(counter.label for counter in found)
        raise InvalidSettings(f"{label!r} has several counters. Name one: {labels}.")
    raise InvalidSettings(unknown("counter", label, _counters))


class Counter:
    """Declares, as an attribute of a count model, what that model counts.

    Args:
        source: the model whose rows are counted, or its name, ``"app.Model"``. None for a counter of events.
        key: the field of the source that says to which row of the count model a row belongs.
        where: the condition under which a row counts; all rows where it is left out. Made of comparisons with a value,
            ``__in`` and ``__isnull`` on the source's own fields, joined by ``&``, ``|`` and ``~``.
        field: the integer field of the count model; may be left out where there is just one.
        using: a database alias; without it the alias on which a change is made.
        buffer: the alias of a buffer in the settings.
        capture: how changes become known: ``"signals"``, Django's own and those of the querysets, or ``"triggers"`` of
            the database, which see raw SQL and other programs too; they need a source and the database buffer.
    """

    model: type[models.Model]
    name: str

    def __init__(
        self,
        source: type[models.Model] | str | None = None,
        key: str | None = None,
        where: Q | None = None,
        field: str | None = None,
        *,
        sum: str | None = None,
        using: str | None = None,
        buffer: str = "default",
        capture: str = "signals",
    ) -> None:
        self.declared_source = source
        self.declared_field = field
        self.source_key = key
        self.where = Q() if where is None else where
        self.sum = sum
        self.using = using
        self.buffer_alias = buffer
        self.capture = capture

    def __repr__(self) -> str:
        return f"<Counter {self.label}>" if hasattr(self, "model") else "<Counter>"

    def contribute_to_class(self, cls: type[models.Model], name: str) -> None:
        self.name = name
        setattr(cls, name, self)

    def bind(self, model: type[models.Model]) -> None:
        self.model = model
        self._stored: dict[str, Stored] = {}
        if model._meta.apps is apps:
            _counters[self.label] = self
            counter_bound.send(sender=type(self), counter=self)

    @cached_property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.name}"

    @cached_property
    def source(self) -> type[models.Model] | None:
        """The model whose rows are counted; of a proxy the one that it stands for.

        Raises:
            LookupError: there is no such model.
        """
        source = self.declared_source
        if isinstance(source, str):
            source = self.model._meta.apps.get_model(source)
        if isinstance(source, type) and issubclass(source, models.Model):
            return source._meta.concrete_model or source
        return source

    @cached_property
    def field(self) -> models.Field[Any, Any]:
        """The integer field of the count model.

        Raises:
            InvalidSettings: there is no such field, none, or more than one to choose from.
        """
        if self.declared_field is not None:
            try:
                return conditions.column(self.model, self.declared_field)
            except FieldDoesNotExist as error:
                raise InvalidSettings(f"{self.label}: {error}.") from None
        found = [f for f in self.model._meta.concrete_fields if self._may_hold_count(f)]
        if len(found) != 1:
            names = ", ".join(field.name for field in found) or "none"
            raise InvalidSettings(
                f"{self.label}: the count model needs one integer field or field=..., it has: {names}."
            )
        return found[0]

    @staticmethod
    def _may_hold_count(field: models.Field[Any, Any]) -> bool:
        return isinstance(field, models.IntegerField) and not field.primary_key

    @cached_property
    def key_field(self) -> models.Field[Any, Any]:
        """The field that converts keys: the count model's primary key, or the field that it refers to."""
        field: models.Field[Any, Any] = self.model._meta.pk
        while field.remote_field is not None:
            field = field.target_field  # type: ignore[attr-defined]
        return field

    @property
    def buffer(self) -> Buffer:
        return _buffers()[self.buffer_alias]

    def stored(self, using: str | None = None) -> Stored:
        """The database's side of this counter, on one alias."""
        alias = using or self.using or router.db_for_write(self.model)
        return self._stored.get(alias) or self._make_stored(alias)

    def _make_stored(self, alias: str) -> Stored:
        from .stored import Stored

        # One for all threads: what a transaction has not sent yet is kept by it.
        return self._stored.setdefault(alias, Stored(self, alias))

    def key_text(self, key: Any) -> str:
        """A key, or an instance whose primary key it is, as the text under which buffers know it.

        Raises:
            InvalidKey: it cannot be a key of this counter.
        """
        return self.keys.text(key)

    @cached_property
    def keys(self) -> Keys:
        """What may be a key."""
        return Keys(self.label, self.key_field)

    def value(self, key: Any, *, using: str | None = None) -> int:
        """The count of a key: what is stored and all that is buffered, the caller's own transaction included.

        Args:
            key: the key, or the instance whose primary key it is.
            using: a database alias, where it is not the counter's own.

        Returns:
            The count; 0 for a key that was never counted.

        Raises:
            InvalidKey: it cannot be a key of this counter.
        """
        return self.buffer.value(self.stored(using), self.key_text(key))

    def values(self, keys: Iterable[Any], *, using: str | None = None) -> dict[Any, int]:
        """The counts of many keys.

        Args:
            keys: the keys, in any number.
            using: a database alias, where it is not the counter's own.

        Returns:
            Key as it was given -> count.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
        """
        texts = self._texts(keys)
        found = self.buffer.values(self.stored(using), list(dict.fromkeys(texts.values())))
        return {key: found[text] for key, text in texts.items()}

    async def avalue(self, key: Any, *, using: str | None = None) -> int:
        """As ``value``, for asynchronous callers: where the count is cached in Redis, no thread is needed.

        Args:
            key: the key, or the instance whose primary key it is.
            using: a database alias, where it is not the counter's own.

        Returns:
            The count; 0 for a key that was never counted.

        Raises:
            InvalidKey: it cannot be a key of this counter.
        """
        return await self.buffer.avalue(self.stored(using), self.key_text(key))

    async def avalues(self, keys: Iterable[Any], *, using: str | None = None) -> dict[Any, int]:
        """As ``values``, for asynchronous callers.

        Args:
            keys: the keys, in any number.
            using: a database alias, where it is not the counter's own.

        Returns:
            Key as it was given -> count.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
        """
        texts = self._texts(keys)
        found = await self.buffer.avalues(self.stored(using), list(dict.fromkeys(texts.values())))
        return {key: found[text] for key, text in texts.items()}

    def _texts(self, keys: Iterable[Any]) -> dict[Any, str]:
        text = self.keys.text
        return {key: text(key) for key in keys}

    def add(self, deltas: Mapping[Any, int], *, using: str | None = None) -> None:
        """Change counts, in the caller's transaction: a rollback takes the change along.

        For a counter of events, and for programs that write a source's rows behind Django's back. With triggers nothing
        is behind the counter's back, and this changes nothing.

        Args:
            deltas: key -> signed change of its count.
            using: a database alias, where it is not the counter's own.

        Raises:
            InvalidKey: a key cannot be one of this counter.
            InvalidDelta: a delta is not an integer below 2**53.
        """
        sums: dict[str, int] = {}
        for key, amount in deltas.items():
            if not is_integer(amount) or abs(amount) >= LARGEST_DELTA:
                raise InvalidDelta(f"A delta must be an integer below 2**53, not {amount!r} (key {key!r}).")
            text = self.key_text(key)
            sums[text] = sums.get(text, 0) + amount
        if self.capture != "triggers":
            self.count({key: amount for key, amount in sums.items() if amount}, using)

    def count(self, sums: Mapping[str, int], using: str | None = None) -> None:
        """Add sums known to be right, by keys already in text; with triggers, too."""
        if sums:
            self.buffer.add(self.stored(using), sums)

    def flush(
        self,
        *,
        using: str | None = None,
        chunk: int | None = None,
        stop: Callable[[], bool] | None = None,
        report: Callable[[int, int], None] | None = None,
    ) -> Flushed:
        """Apply what is buffered to the count model.

        Args:
            using: a database alias, where it is not the counter's own.
            chunk: how many keys one transaction applies; the buffer's ``CHUNK`` without it.
            stop: asked between chunks; a true answer ends the flush, and the rest stays buffered.
            report: called after each chunk with how many were applied and how many there were at the start.

        Returns:
            What was applied, and what could not be.

        Raises:
            FlushInTransaction: called inside a transaction.
            BufferUnavailable: the buffer's server does not answer. Nothing is lost.
            LayoutChanged: the settings place the deltas elsewhere than those that wait.
        """
        from .flush import flush

        return flush(self.stored(using), chunk=chunk, stop=stop, report=report)

    def recount(self, keys: Iterable[Any], *, using: str | None = None, check: bool = False) -> list[Recounted]:
        """Count the source again for keys, and add what is missing to their counts as one more delta.

        Safe beside writers, flushes and other recounts. Runs in transactions of its own.

        Args:
            keys: the keys, in any number.
            using: a database alias, where it is not the counter's own.
            check: whether to change nothing.

        Returns:
            What was found, and is changed, for each key.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
            NothingToRecount: the counter has no source.
            RecountInTransaction: called inside a transaction.
            BufferUnavailable: the buffer's server does not answer.
        """
        from .recount import recount

        return recount(self.stored(using), list(dict.fromkeys(self.key_text(key) for key in keys)), check=check)

    def ask_recount(self, keys: Iterable[Any], using: str | None = None) -> None:
        """Ask for a recount of keys, in the caller's transaction, because what it does cannot be known exactly.

        It is tried at once after the commit, else done by the next flush. Until then ``value`` counts the rows.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
            NothingToRecount: the counter has no source.
        """
        stored = self.stored(using)
        stored.refuse_events()
        self.buffer.ask_recount(stored, list(dict.fromkeys(self.key_text(key) for key in keys)))

    def status(self, *, using: str | None = None) -> Status:
        """What is buffered, and what the last flush did.

        Raises:
            BufferUnavailable: the buffer's server does not answer.
        """
        return self.buffer.status(self.stored(using))

    def forget_layout(self, *, using: str | None = None) -> None:
        """Flush all that waits outside the database, and let other prefixes, numbers of shards or buffers be used.

        Keys of which an intent is younger than the buffer's ``GRACE`` are waited for.

        Raises:
            CounterError: something is still buffered there, because somebody goes on writing.
            BufferUnavailable: the buffer's server does not answer.
            RecountFailed: a key with an intent could not be recounted.
        """
        from .moving import forget_layout

        forget_layout(self.stored(using))

    def has_rows(self, using: str) -> bool:
        """Whether the source has rows to be counted; false for a counter of events."""
        return self.source is not None and models.QuerySet(self.source, using=using).exists()

    def true_rows(self, keys: Iterable[str], using: str) -> models.QuerySet[Any, Any]:
        """A query for the counts of keys by counting the source's rows: ``nc_key`` and ``nc_number``."""
        assert self.source is not None and self.source_key is not None
        name = conditions.column(self.source, self.source_key).attname
        rows: models.QuerySet[Any] = models.QuerySet(self.source, using=using).filter(
            self.where, **{f"{name}__in": list(keys)}
        )
        numbers = rows.annotate(nc_key=F(name)).values("nc_key").order_by().annotate(nc_number=Count("*"))
        counted: models.QuerySet[Any, Any] = numbers.values_list("nc_key", "nc_number")
        return counted

    def true_values(self, keys: Iterable[str], using: str) -> dict[str, int]:
        """The counts of keys by counting the source's rows; nothing for keys without any."""
        return {self.key_text(key): number for key, number in self.true_rows(keys, using)}


def _bind(sender: type[models.Model], **kwargs: Any) -> None:
    """Bind the counters of a model whose class is complete, those of its abstract bases included."""
    if sender._meta.proxy:
        return
    for base in sender.__mro__:
        for name, attribute in list(vars(base).items()):
            if isinstance(attribute, Counter) and getattr(sender, name) is attribute:
                _bind_one(sender, base, name, attribute)


def _bind_one(model: type[models.Model], base: type[Any], name: str, counter: Counter) -> None:
    if base is model:
        counter.bind(model)
    elif base._meta.abstract:
        own = copy.copy(counter)
        own.contribute_to_class(model, name)
        own.bind(model)


class_prepared.connect(_bind, dispatch_uid="notifications_counter")
