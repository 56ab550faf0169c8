"""A save: what its row counted for before, read under a lock, against what it counts for after.

``pre_save`` holds the row, ``post_save`` settles the difference, in one transaction with the write. Our receivers are
the first of each signal, so that the others read the new count; see ``held`` for what they change meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from typing import Any

from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..buffers import recording
from ..compat.atomic import Undo, block, block_on, counted
from ..exceptions import CounterError, CountingConflict, quoted
from . import counting, feed
from .count_model import has_counts
from .held import Hold, under_way
from .sources import Row, Source, exact_source, sources_of

#: How often a save is tried while other programs create the very row that it was going to create.
TRIES = 5


class _UnderWay(threading.local):
    """The saves that are under way in each thread, the innermost last."""

    def __init__(self) -> None:
        self.saves: list[Save] = []


_under_way = _UnderWay()


class RowAppeared(Undo):
    """Another program created the row after it was looked for, so that what it counted for is not known."""


class Save:
    """One save of an instance, whose row may be in the tables of several sources.

    Attributes:
        pks: the primary keys with which the sources have been looked at: at first those with which the save began.

    Args:
        sources: those whose columns are saved.
        instance: what is saved.
        using: the database alias.
        inserts: whether Django will only insert.
        commits: whether the commit follows.
        update_fields: the attribute names that are saved; None for all.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        instance: models.Model,
        using: str,
        inserts: bool,
        commits: bool,
        update_fields: Any,
    ) -> None:
        self.instance = instance
        self.pks = {source: source.pk_of(instance) for source in sources}
        self.using = using
        self.inserts = inserts
        self.commits = commits
        self.update_fields = update_fields
        self.holds: list[Hold] = []
        self.is_held = self.is_writing = self.is_settled = False

    def run(self, save: Callable[[], None]) -> None:
        """Hold, save and settle, whichever receivers are called."""
        saves, self._known = _under_way.saves, under_way()
        known_before = len(self._known)
        saves.append(self)
        try:
            try:
                save()
            except RowAppeared:  # all that was written is undone
                raise
            except Exception:
                self._settle_what_is_left()
                raise
            finally:
                saves.pop()
            self.settle()
        finally:
            del self._known[known_before:]

    def hold(self) -> None:
        """Lock the row and note what it counts for."""
        if not self.is_held:
            self.is_held = True
            for source in self.pks:
                self._hold(source)

    def _hold(self, source: Source) -> None:
        pk, first_pk = source.pk_of(self.instance), self.pks[source]
        self.pks[source] = pk
        may_be_there = pk is not None and not (self.inserts and pk == first_pk)
        row = source.lock_one(pk, self.using) if may_be_there else None
        hold = Hold(source, self.instance, self.using, row)
        self.holds.append(hold)
        self._known.append(hold)

    def follow_pk(self) -> None:
        """A receiver may have given the instance another primary key: then another row is written than was held.

        The row is held here where Django sends no signal: for automatic tables, and where a test silences it.
        """
        if self.is_writing:
            return
        self.is_writing = True
        self.hold()
        for hold in self.holds.copy():
            if hold.pk != self.pks[hold.source]:
                self.holds.remove(hold)
                self._known.remove(hold)
                self._hold(hold.source)
        if self.commits and self.inserts and len(self.holds) == 1:
            self._expect(self.holds[0])

    def _expect(self, hold: Hold) -> None:
        """Say what the new row will most likely be counted for; one that cannot be counted fails later."""
        if hold.row is None and hold.memory is not None:
            with suppress(CounterError):
                hold.expected = counting.expect(hold.source, self.using, hold.memory)

    def settle(self, created: bool | None = None) -> None:
        """Publish what has become of the row.

        Args:
            created: whether Django has inserted the row of the model itself; None if that is not known.

        Raises:
            RowAppeared: it has updated a row that was not there.
        """
        if self.is_settled or not self.is_held:
            return
        if created is False and any(self._has_appeared(hold) for hold in self.holds):
            raise RowAppeared
        self.is_settled = True
        with counted(self.using):
            for hold in self.holds:
                pk = hold.pk
                self._settle(hold, pk, self._after(hold, pk))

    def _has_appeared(self, hold: Hold) -> bool:
        is_own = exact_source(type(self.instance)) is hold.source
        return is_own and hold.row is None and not hold.is_changed

    def _after(self, hold: Hold, pk: Any) -> Row | None:
        """The row as it is now: as the instance has it, unless something has come between or not all was saved."""
        if pk is None:  # a trigger of somebody else has kept the row out
            return None
        memory = hold.source.in_memory(self.instance)
        if memory is None or memory != hold.memory or hold.is_changed or self._is_partial(hold.source):
            return hold.source.lock_one(pk, self.using)
        return hold.memory

    def _is_partial(self, source: Source) -> bool:
        return self.update_fields is not None and not source.columns <= source.attnames(self.update_fields)

    def _settle(self, hold: Hold, pk: Any, after: Row | None) -> None:
        self._known.remove(hold)
        if hold.is_changed and hold.was_rolled_back:
            counting.request_recounts(hold.source, self.using, [*hold.before, after])
        before = {} if hold.row is None else {pk: hold.row}
        counted = hold.expected if after is hold.memory and not hold.is_changed else None
        feed.publish(hold.source, self.using, before, {} if after is None else {pk: after}, counted)

    def _settle_what_is_left(self) -> None:
        """A receiver has failed: what was written until then stays, unless the whole transaction is rolled back."""
        if self.is_held and not self.is_settled and not transaction.get_rollback(self.using):
            self.is_settled = True
            with counted(self.using):
                for hold in self.holds:
                    pk = hold.pk
                    self._settle(hold, pk, None if pk is None else hold.source.lock_one(pk, self.using))


def before_save(sender: type[models.Model], instance: models.Model, using: str, **kwargs: Any) -> None:
    """Hold the row; the receiver of ``pre_save``."""
    if (save := _save_of(instance, using)) is not None:
        save.hold()


def after_save(sender: type[models.Model], instance: models.Model, using: str, created: bool, **kwargs: Any) -> None:
    """Settle the row; the receiver of ``post_save``."""
    if (save := _save_of(instance, using)) is not None:
        save.settle(created)


def before_table(instance: models.Model) -> None:
    """Receivers of ``pre_save`` have done their work; called before each of the tables is written to."""
    save = _under_way.saves[-1] if _under_way.saves else None
    if save is not None and save.instance is instance:
        save.follow_pk()


def _save_of(instance: models.Model, using: str) -> Save | None:
    """The save of which a signal tells; none if somebody sends signals by hand."""
    save = _under_way.saves[-1] if _under_way.saves else None
    return save if save is not None and save.instance is instance and save.using == using else None


def save_counted(
    save: Callable[[], None],
    instance: models.Model,
    using: str,
    raw: bool,
    force_insert: Any,
    force_update: bool,
    update_fields: Any,
) -> None:
    """Run a save in one transaction with what is counted of it."""
    sources = _saved(type(instance), raw, update_fields)
    if not sources:
        with block(using) if has_counts(type(instance)) else nullcontext():
            return save()
    told_to = bool(force_insert) and not instance._meta.parents  # whose rows may be there all the same
    inserts = told_to or (not (raw or force_update or update_fields) and _is_surely_new(instance, sources))
    connection = transaction.get_connection(using)
    commits = not connection.in_atomic_block

    def run() -> None:
        Save(sources, instance, using, inserts, commits, update_fields).run(save)

    try:
        if inserts:
            with block_on(connection):
                return run()
        if commits or instance._state.adding:
            return _again_if_row_appears(run, instance, connection)
        _refused_if_row_appears(run, instance, connection)
    finally:
        if commits:
            recording.end_expectation(connection)


def _saved(model: type[models.Model], raw: bool, update_fields: Any) -> Sequence[Source]:
    """The sources of which a save writes columns: of a fixture's row only the one of its own table."""
    sources = tuple(filter(None, [exact_source(model)])) if raw else sources_of(model)
    if update_fields is None:
        return sources
    return [source for source in sources if source.touches(update_fields)]


def _is_surely_new(instance: models.Model, sources: Iterable[Source]) -> bool:
    """Whether Django will only insert: without a primary key, or with a fresh one."""
    if instance._meta.parents:  # whose rows may be there already
        return all(source.pk_of(instance) is None for source in sources)
    pks = instance._meta.pk_fields
    if any(getattr(instance, pk.attname) is None for pk in pks):
        return True
    return instance._state.adding and all(pk.has_default() or pk.has_db_default() for pk in pks)


def _again_if_row_appears(run: Callable[[], None], instance: models.Model, connection: BaseDatabaseWrapper) -> None:
    adding = instance._state.adding
    # A save that was rolled back has replaced them by their values.
    expressions = {name: value for name, value in vars(instance).items() if hasattr(value, "resolve_expression")}
    for _ in range(TRIES):
        try:
            with block_on(connection, savepoint=True):
                return run()
        except RowAppeared:
            instance._state.adding = adding
            vars(instance).update(expressions)
    raise CountingConflict(
        f"{instance._meta.label}: row {quoted(instance.pk)} kept appearing and disappearing. Try again."
    )


def _refused_if_row_appears(run: Callable[[], None], instance: models.Model, connection: BaseDatabaseWrapper) -> None:
    """In the caller's transaction, of an instance that was read: a savepoint would cost each save two statements."""
    try:
        run()
    except RowAppeared:
        transaction.set_rollback(True, connection.alias)
        raise CountingConflict(
            f"{instance._meta.label}: row {quoted(instance.pk)} was deleted, and created again while it was saved."
            " Try the transaction again."
        ) from None
