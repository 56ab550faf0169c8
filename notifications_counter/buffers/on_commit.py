"""The deltas of the transaction that is open on a connection, and their way out after its commit.

Deltas counted under the same stack of savepoints share one ``on_commit`` hook, so that an inner rollback drops just
those. The first hook to run sends all of them. Ours run before everyone else's, so that no failing hook of others can
keep them from running, and so that other hooks already read the new counts. Only in a ``TestCase``, where nothing is
ever committed, are they appended: ``captureOnCommitCallbacks`` takes what stands behind the hooks that were there.

Django has no name for a transaction. What it has is the list of hooks, ``run_on_commit``: it is replaced by another
list on a commit and on every rollback, and by nothing else. As long as it is the same list, nothing was dropped.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..stored import Stored

logger = logging.getLogger("notifications_counter")

ATTRIBUTE = "_notifications_counter_unsent"


class Sender(Protocol):
    """A buffer that takes deltas after the commit."""

    def push(self, stored: Stored, token: str, sums: Mapping[str, int | None]) -> None: ...

    def recount_now(self, stored: Stored, keys: Iterable[str]) -> None: ...

    def withdraw(self, stored: Stored, token: str, keys: Iterable[str]) -> None: ...


class Hook:
    """The deltas counted under one stack of savepoints."""

    def __init__(self, unsent: Unsent, savepoints: tuple[str, ...]) -> None:
        self.unsent = unsent
        self.savepoints = savepoints
        #: None for a change that is not known: it asks for a recount.
        self.deltas: dict[Stored, dict[str, int | None]] = {}
        self.sent = False

    def __call__(self) -> None:
        if not self.sent:
            self.unsent.send(self)

    def add(self, stored: Stored, sums: Mapping[str, int | None]) -> None:
        deltas = self.deltas.setdefault(stored, {})
        for key, amount in sums.items():
            before = deltas.get(key, 0)
            deltas[key] = None if before is None or amount is None else before + amount


class Unsent:
    """The deltas of one transaction that its commit will send.

    Attributes:
        token: names the transaction in its intents.
        intents: for which keys the transaction has left its token.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.token = uuid.uuid4().hex
        self.raw_connection = connection.connection
        self.intents: dict[Stored, set[str]] = {}
        self.senders: dict[Stored, Sender] = {}
        self.hooks: dict[tuple[str, ...], Hook] = {}
        self.hook_list: list[Any] | None = None
        self.committed = False

    def refresh(self) -> None:
        """Forget the hooks that Django has dropped."""
        if self.hook_list is not self.connection.run_on_commit:
            self.hook_list = self.connection.run_on_commit
            self.hooks = {hook.savepoints: hook for hook in self._ours(self.hook_list)}

    def _ours(self, hook_list: list[Any]) -> list[Hook]:
        hooks = (entry[1] for entry in hook_list)
        return [hook for hook in hooks if isinstance(hook, Hook) and hook.unsent is self]

    def add(self, sender: Sender, stored: Stored, sums: Mapping[str, int | None]) -> None:
        """Keep deltas, whose intents have been left, until the commit."""
        self.senders[stored] = sender
        self.intents.setdefault(stored, set()).update(sums)
        savepoints = tuple(savepoint for savepoint in self.connection.savepoint_ids if savepoint is not None)
        if savepoints not in self.hooks:
            self.hooks[savepoints] = self._register(Hook(self, savepoints))
        self.hooks[savepoints].add(stored, sums)

    def _register(self, hook: Hook) -> Hook:
        transaction.on_commit(hook, using=self.connection.alias)
        self.hook_list = self.connection.run_on_commit
        if not any(getattr(block, "_from_testcase", False) for block in self.connection.atomic_blocks):
            self.hook_list.insert(len(self.hooks), self.hook_list.pop())
        return hook

    def sum(self, stored: Stored, key: str) -> int:
        return sum(hook.deltas.get(stored, {}).get(key) or 0 for hook in self.hooks.values() if not hook.sent)

    def is_known(self, stored: Stored, key: str) -> bool:
        """Whether the transaction's changes of a key are known, and not to be recounted."""
        hooks = (hook for hook in self.hooks.values() if not hook.sent)
        return all(hook.deltas.get(stored, {}).get(key, 0) is not None for hook in hooks)

    def send(self, first: Hook) -> None:
        """Send the deltas of all hooks that have survived; the first of them is running."""
        self.committed = True
        remaining = self.hook_list or []
        # Django takes a hook off the list as it runs it. One that is still there has been copied to another list, by
        # a rollback after the last delta or by a test: which of the others survived, only they can say.
        all_known = all(entry[1] is not first for entry in remaining)
        hooks = [first, *self._ours(remaining)] if all_known else [first]
        for stored, sums in self._sums(hooks).items():
            if all_known:  # an intent of an inner block that was rolled back goes with a delta of 0
                sums = {**dict.fromkeys(self.intents[stored], 0), **sums}
            self._push(stored, sums)
            asked = [key for key, amount in sums.items() if amount is None]
            if asked:
                self.senders[stored].recount_now(stored, asked)

    def _sums(self, hooks: list[Hook]) -> dict[Stored, dict[str, int | None]]:
        together = Hook(self, ())
        for hook in hooks:
            hook.sent = True
            for stored, sums in hook.deltas.items():
                together.add(stored, sums)
        return together.deltas

    def _push(self, stored: Stored, sums: dict[str, int | None]) -> None:
        try:
            self.senders[stored].push(stored, self.token, sums)
        except Exception:
            # The change is committed and its caller must not fail. The intents stay and ask for a recount.
            said = f"of {len(sums)} keys is counted by a later recount" if not stored.events else f"may be lost: {sums}"
            logger.exception("%s: Redis did not answer; a committed change %s", stored.label, said)

    def is_over(self) -> bool:
        self.refresh()
        return all(hook.sent for hook in self.hooks.values())

    def withdraw(self) -> None:
        """Take the intents back, where it is certain that no delta will follow.

        Hooks that vanished without one of them having run were rolled back, unless the connection was lost: then
        nobody can tell whether the commit had arrived, and the intents stay and ask for a recount.
        """
        if self.committed or self.raw_connection is not self.connection.connection:
            return
        for stored, keys in self.intents.items():
            try:
                self.senders[stored].withdraw(stored, self.token, keys)
            except Exception as error:
                logger.info("%s: intents of a rolled-back transaction stay: %s", stored.label, error)


def sends_after_commit(connection: BaseDatabaseWrapper) -> bool:
    """Whether a transaction is open whose commit runs hooks; with autocommit off none does."""
    return connection.in_atomic_block and connection.commit_on_exit


def current(connection: BaseDatabaseWrapper) -> Unsent | None:
    """The unsent deltas of the transaction that is open on a connection, if it has some."""
    unsent: Unsent | None = getattr(connection, ATTRIBUTE, None)
    if unsent is not None and unsent.is_over():
        delattr(connection, ATTRIBUTE)
        unsent.withdraw()
        return None
    return unsent


def begin(connection: BaseDatabaseWrapper) -> Unsent:
    """As ``current``, made where there is none."""
    unsent = current(connection)
    if unsent is None:
        unsent = Unsent(connection)
        setattr(connection, ATTRIBUTE, unsent)
    return unsent
