"""The deltas of the transaction that is open on a connection, and their way out with its commit.

Deltas counted under the same stack of savepoints share one ``on_commit`` hook, so that an inner rollback drops just
those. Just before the commit the buffer hears of all that have survived, in one call: what it does not take goes to
the database, in the same transaction. Just after it, one hook sends the rest, in one call; it stands behind the others
of ours, and only a rollback of the whole transaction drops it. Ours run before all others, so that no failing hook of
the project can keep them from running, and so that other hooks already read the new counts.

A hook is no proof of a commit: where an error was caught inside of a transaction, PostgreSQL answers COMMIT with
ROLLBACK and no error, and Django runs the hooks. So the database is asked just before, and such a transaction sends
nothing.

In a ``TestCase``, where nothing is ever committed, each hook announces its own deltas, and stands where Django puts it:
``captureOnCommitCallbacks`` runs what stands behind the hooks that were there before. All go to the database, so that
the end of the test undoes them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from secrets import token_hex
from typing import Any, Protocol
from weakref import WeakSet

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..compat.transactions import before_commits, hooks
from ..dialects import dialect_of
from ..exceptions import shown
from ..ledger import identity
from ..ledger.store import CounterStore
from . import expected

logger = logging.getLogger("notifications_counter")

#: On the connection: the deltas that its open transaction has not sent.
ATTRIBUTE = "_notifications_counter_deltas"

#: The connections, of all threads, whose transactions may have unsent deltas. Most often there are none, and a read
#: need not look for the connection of its own thread, which takes it longer than all else that it does in Python.
_changing: WeakSet[BaseDatabaseWrapper] = WeakSet()

#: How many keys of events that may be lost the log names.
MOST_NAMED = 20

Sums = dict[str, int | None]


class Sender(Protocol):
    """A buffer that takes deltas after the commit."""

    def intend(self, token: str, keys: Mapping[CounterStore, Sequence[str]]) -> dict[CounterStore, set[str]]: ...

    def push(self, token: str, changes: Mapping[CounterStore, Sums]) -> dict[CounterStore, Sums]: ...

    def recount_now(self, store: CounterStore, keys: Iterable[str]) -> None: ...

    def forget(self, store: CounterStore, keys: Iterable[str]) -> None: ...


class Hook:
    """The deltas counted under one stack of savepoints. While Django keeps it, they were not rolled back."""

    def __init__(self, unsent: TransactionDeltas) -> None:
        self.unsent = unsent
        #: None for a change that cannot be determined: it requests a recount.
        self.deltas: dict[CounterStore, Sums] = {}

    def __call__(self) -> None:
        if self.unsent.in_test_case:
            self.unsent.send()

    def add(self, store: CounterStore, sums: Mapping[str, int | None]) -> None:
        if store not in self.deltas:
            self.deltas[store] = dict(sums)
            return
        deltas = self.deltas[store]
        for key, amount in sums.items():
            before = deltas.get(key, 0)
            deltas[key] = None if before is None or amount is None else before + amount


class TransactionDeltas:
    """The deltas of one transaction that its commit will send.

    Attributes:
        token: names the transaction in its intents.
        accepted: the deltas that were announced, and that each buffer expects.
        rows: the keys of which deltas were inserted in the database instead.
        sent: whether the commit has sent them, or has turned out to be none.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self._expected = expected.of(connection)
        self.token = self._expected.token if self._expected else token_hex(16)
        self.in_test_case = any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
        self.accepted: list[tuple[Sender, dict[CounterStore, Sums]]] = []
        self.rows: dict[CounterStore, set[str]] = {}
        self.senders: dict[CounterStore, Sender] = {}
        self.hooks: dict[tuple[str, ...], Hook] = {}
        self.announced = self.sent = False
        self._hook_list: list[Any] | None = None
        self._finish = self.send  # one object, to be found again in Django's list
        self._is_open = False
        #: Whose they are: the schema may be another one when they are sent.
        self.database_id = identity.of_alias(connection.alias)
        self._has_moved = False

    def refresh(self) -> None:
        """Forget the hooks that Django has dropped."""
        hook_list = hooks(self.connection)
        if self._hook_list is not hook_list:
            self._hook_list = hook_list
            kept = {id(entry[1]) for entry in hook_list}
            self.hooks = {stack: hook for stack, hook in self.hooks.items() if id(hook) in kept}
            self._is_open = id(self._finish) in kept

    @property
    def is_over(self) -> bool:
        """Whether the transaction has ended; or, in a test case, the block of which it has a hook."""
        if self.sent:
            return True
        self.refresh()
        return not (self.hooks if self.in_test_case else self._is_open)

    def add(self, sender: Sender, store: CounterStore, sums: Mapping[str, int | None]) -> None:
        """Keep deltas until the commit, which hands them to the sender."""
        self.refresh()
        self.senders[store] = sender
        stack = tuple(filter(None, self.connection.savepoint_ids))
        if stack not in self.hooks:
            self.hooks[stack] = self._register(Hook(self))
        self.hooks[stack].add(store, sums)

    def _register(self, hook: Hook) -> Hook:
        hook_list = hooks(self.connection)
        self.connection.on_commit(hook)
        if not self.in_test_case:
            hook_list.insert(len(self.hooks), hook_list.pop())
            if not self._is_open:
                hook_list.insert(1, (set(), self._finish, False))
                self._is_open = True
        return hook

    def sum(self, store: CounterStore, key: str) -> int:
        """The sum of the transaction's deltas of a key, as far as they are known."""
        return sum(hook.deltas.get(store, {}).get(key) or 0 for hook in self.hooks.values())

    def keys(self, store: CounterStore) -> set[str]:
        """The keys of which the transaction has changes."""
        return {key for hook in self.hooks.values() for key in hook.deltas.get(store, ())}

    def is_known(self, store: CounterStore, key: str) -> bool:
        """Whether the transaction's changes of a key are known, and not to be recounted."""
        return all(hook.deltas.get(store, {}).get(key, 0) is not None for hook in self.hooks.values())

    def is_of(self, store: CounterStore) -> bool:
        """Whether they belong to the schema that is in use now."""
        return self.database_id == store.database_id

    def announce(self) -> None:
        """Before the commit: tell the buffer which keys will change, and insert in the database what it refuses."""
        self.announced = True
        dialect = dialect_of(self.connection)
        if dialect.rolls_back_commits(self.connection):
            self.sent = True
            return
        with identity.fixed(self.connection.alias, self.database_id) as self._has_moved:
            self._announce_all(dialect.may_have_rolled_back(self.connection))

    def _announce_all(self, in_doubt: bool) -> None:
        deltas = self._together()
        if in_doubt:
            deltas = {store: self._in_doubt(store, sums) for store, sums in deltas.items()}
        for sender, part in self._by_sender(deltas):
            refused = self._refused(sender, {store: list(sums) for store, sums in part.items()})
            left = {store: self._without_refused(store, sums, refused[store]) for store, sums in part.items()}
            self.accepted.append((sender, {store: sums for store, sums in left.items() if sums}))

    def _together(self) -> dict[CounterStore, Sums]:
        """What the hooks that are left come to."""
        if len(self.hooks) == 1:
            return next(iter(self.hooks.values())).deltas
        together = Hook(self)
        for hook in self.hooks.values():
            for store, sums in hook.deltas.items():
                together.add(store, sums)
        return together.deltas

    def _by_sender(self, changes: Mapping[CounterStore, Sums]) -> Iterable[tuple[Sender, dict[CounterStore, Sums]]]:
        """The changes of the counters of each buffer, without those that have come to nothing."""
        found: dict[int, tuple[Sender, dict[CounterStore, Sums]]] = {}
        for store, sums in changes.items():
            if kept := _without_zeros(sums):
                sender = self.senders[store]
                found.setdefault(id(sender), (sender, {}))[1][store] = kept
        return found.values()

    def _in_doubt(self, store: CounterStore, sums: Sums) -> Sums:
        """Which of the changes are still there cannot be determined: they are recounted."""
        if not store.events:
            return dict.fromkeys(sums)
        said = "%s: the database has failed in the middle of a transaction, so that these may not belong to it: %s"
        logger.error(said, store.label, _named(sums))
        return sums

    def _without_refused(self, store: CounterStore, sums: Sums, refused: set[str]) -> Sums:
        """The deltas that the buffer expects; the others are inserted in the database."""
        if not refused:
            return sums
        self.rows[store] = refused
        store.insert_deltas({key: amount for key, amount in sums.items() if key in refused})
        return {key: amount for key, amount in sums.items() if key not in refused}

    def _refused(self, sender: Sender, keys: Mapping[CounterStore, Sequence[str]]) -> dict[CounterStore, set[str]]:
        """The keys whose deltas must be inserted in the database: in a test case all, so that its end undoes them."""
        if self.in_test_case:
            return {store: set(part) for store, part in keys.items()}
        refused = self._expected.refused(sender, keys) if self._expected and not self._has_moved else None
        if refused is None:
            refused = sender.intend(self.token, keys)
        # The rows would go to another schema: what is pushed without an intent requests a recount.
        return {store: set() for store in keys} if self._has_moved else refused

    def send(self) -> None:
        """After the commit: send the deltas that were announced."""
        if not self.announced:
            self.announce()
        if self.sent:
            return
        self.sent = True
        _changing.discard(self.connection)
        with identity.fixed(self.connection.alias, self.database_id) as self._has_moved:
            self._send_all()

    def _send_all(self) -> None:
        for sender, changes in self.accepted:
            self._send(sender, changes)
        for store, keys in self.rows.items():
            self.senders[store].forget(store, keys)

    def _send(self, sender: Sender, changes: Mapping[CounterStore, Sums]) -> None:
        # The change is committed and its caller must not fail.
        try:
            for store, kept in sender.push(self.token, changes).items():
                if kept:
                    self._keep(store, kept)
        except Exception:  # of our own; the intents stay and request a recount
            for store, sums in changes.items():
                logger.exception(*_not_sent(store, sums))
        for store, sums in changes.items():
            requests = [key for key, amount in sums.items() if amount is None]
            if requests and not self._has_moved:
                sender.recount_now(store, requests)

    def _keep(self, store: CounterStore, sums: Sums) -> None:
        """Insert in the database, after the commit, what the buffer has not taken in spite of its promise."""
        if self._has_moved:  # the rows would go to another schema
            return logger.error(*_not_sent(store, sums))
        try:
            with transaction.atomic(using=store.using):
                store.insert_deltas(sums)
        except Exception:
            logger.exception(*_not_sent(store, sums))
        self.senders[store].forget(store, sums)


def _without_zeros(sums: Sums) -> Sums:
    return {key: amount for key, amount in sums.items() if amount != 0} if 0 in sums.values() else sums


def has_unsent(store: CounterStore) -> bool:
    """Whether the caller's open transaction has deltas that it has not sent, of whatever counter."""
    return bool(_changing) and bool(current(store.connection))


def _not_sent(store: CounterStore, sums: Sums) -> tuple[str, str, str]:
    said = f"of {len(sums)} keys is counted by a later recount" if not store.events else lost(sums)
    return "%s: Redis did not answer; a committed change %s", store.label, said


def lost(sums: Sums) -> str:
    """What may be lost of events."""
    return f"may be lost: {_named(sums)}"


def _named(sums: Sums) -> str:
    some = ", ".join(f"{shown(key)}: {amount}" for key, amount in list(sums.items())[:MOST_NAMED])
    return f"{some}{', ...' if len(sums) > MOST_NAMED else ''}"


def current(connection: BaseDatabaseWrapper) -> list[TransactionDeltas]:
    """What the open transaction of a connection has not sent: in a test case, of each block by itself."""
    kept: list[TransactionDeltas] = vars(connection).get(ATTRIBUTE, [])
    if kept:
        kept = [unsent for unsent in kept if not unsent.is_over]
        setattr(connection, ATTRIBUTE, kept)
    if not kept:
        _changing.discard(connection)
    return kept


def of(store: CounterStore) -> list[TransactionDeltas]:
    """The same of the database, or the schema, that a counter's alias leads to now."""
    kept = current(store.connection)
    return [unsent for unsent in kept if unsent.is_of(store)] if kept else kept


def begin(connection: BaseDatabaseWrapper) -> TransactionDeltas:
    """Where to keep the next delta: with those of the same transaction; in a test case by itself."""
    kept = current(connection)
    if kept and not kept[-1].in_test_case:
        return kept[-1]
    unsent = TransactionDeltas(connection)
    setattr(connection, ATTRIBUTE, [*kept, unsent])
    _changing.add(connection)
    before_commits(connection, announce_all, last=True)
    return unsent


def announce_all(connection: BaseDatabaseWrapper) -> None:
    """Just before a connection's commit, the last moment at which its transaction can still take deltas."""
    for unsent in current(connection):
        unsent.announce()


def send_in_test_case(connection: BaseDatabaseWrapper) -> Callable[[], None]:
    """Send what a ``TestCase`` has not sent, as if it could commit: to the database, whose rollback undoes it.

    Returns:
        To be called at the end of the test: what was counted before it, in ``setUpTestData``, is unsent again.
    """
    kept = current(connection)
    sent = [unsent for unsent in kept if unsent.in_test_case]
    for unsent in sent:
        unsent.send()

    def undo() -> None:
        for unsent in sent:
            unsent.announced = unsent.sent = False
            unsent.accepted, unsent.rows = [], {}
        if sent:
            setattr(connection, ATTRIBUTE, [*kept, *(one for one in current(connection) if one not in kept)])
            _changing.add(connection)

    return undo
