"""``manage.py notification_recount``: count the sources again, and correct what differs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import IO, Any, cast

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.base import ProgressBar
from django.db import Error as DatabaseError

from ...buffers.recording import buffer_of
from ...counters import Counter, counters
from ...exceptions import BufferUnavailable, CounterError, shown
from ...ledger import identity, progress, refused
from ...ledger.declared import adopt
from ...ledger.introspection import Tables
from ...ledger.snapshot import RecountResult
from ...ledger.store import CounterStore
from ...models import UserNotificationsCount
from ...reconciliation.recount import recount
from ...reconciliation.walk import all_keys, number_of_keys, recount_next
from ..base import CounterCommand, explained


class Command(CounterCommand):
    help = (
        "Count the sources again and correct what differs, slice by slice, while the site runs. The first run over a"
        " source that was not empty is its backfill. A run that was stopped is continued by the next."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--user", metavar="ID", help="Only the unread count of this user.")
        parser.add_argument(
            "--check",
            action="store_true",
            help="Change nothing: print each wrong count, and exit with 1 if any is.",
        )
        parser.add_argument(
            "--new-identity",
            action="store_true",
            help=(
                "This database is a clone, or its Redis is gone: let go of what is pending outside of it, without"
                " touching it, and count again."
            ),
        )
        parser.add_argument("--restart", action="store_true", help="Begin anew, even if the last run was stopped.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        self.tables = cache(Tables)
        self._refuse_bad_combination()
        try:
            if options["new_identity"]:
                self._renew()
            wrong = self._check() if options["check"] else self._recount()
        except BufferUnavailable as error:
            if not options["new_identity"]:
                raise CommandError(str(error)) from error
            self._say(f"{error} Until flushes have counted again, reads count rows.")
            return
        except CounterError as error:
            raise CommandError(str(error)) from error
        if wrong and options["check"]:
            said = "1 count is wrong." if wrong == 1 else f"{wrong} counts are wrong."
            raise CommandError(f"{said} Without --check this command corrects them.")

    def _refuse_bad_combination(self) -> None:
        others = [f"--{name}" for name in ("user", "counter", "check") if self.options[name]]
        if self.options["new_identity"] and others:
            raise CommandError(f"--new-identity concerns all counters of a database: leave out {', '.join(others)}.")
        if self.options["user"] is not None and self.options["counter"]:
            raise CommandError("--user concerns the unread count: leave out --counter.")

    def _renew(self) -> None:
        """Give the databases of all counters another identity."""
        for using in sorted({counter.store(self.options["database"]).using for counter in counters()}):
            uid = identity.renew(using)
            self._say(
                f"{using}: the database has a new identity, {uid[:8]}; see manage.py notification_counter_status"
                if uid
                else f"{using}: passed over, because the database has no table {identity.TABLE!r}"
            )

    def _recount(self) -> int:
        if self.options["user"] is not None:
            return self._one_user()
        return self._each(self._recount_all)

    def _each(self, call: Callable[[Counter], int]) -> int:
        """Call for each counter, also where one before it has failed; what they have returned, as a sum."""
        found, failed = 0, []
        for counter in self.chosen():
            try:
                if self._has_tables(counter):
                    found += call(counter)
            except Exception as error:
                if self.options["new_identity"] and isinstance(error, BufferUnavailable):
                    raise
                known = isinstance(error, CounterError | DatabaseError)
                said = explained(error, self.options["database"]) if known else f"{type(error).__name__}: {error}"
                failed.append(said if counter.label in said else f"{counter.label}: {said}")
        if failed:
            raise CommandError("\n".join(failed))
        return found

    def _one_user(self) -> int:
        counter, using, check = UserNotificationsCount.counter, self.options["database"], self.options["check"]
        return self._report(counter, counter.recount([self.options["user"]], using=using, check=check))

    def chosen(self) -> list[Counter]:
        return self.named() or [counter for counter in counters() if counter.declared_source is not None]

    def _has_tables(self, counter: Counter) -> bool:
        sentence = self.tables(counter.store(self.options["database"]).using).lacks(counter)
        if sentence:
            self._say(sentence)
        return not sentence

    # Looking only

    def _check(self) -> int:
        if self.options["user"] is not None:
            return self._one_user()
        return self._each(self._check_all)

    def _check_all(self, counter: Counter) -> int:
        store = counter.store(self.options["database"])
        store.refuse_events()
        if store.database_id is None:
            self._say(f"{counter.label}: the database is a copy that no flush has noticed, so that rows are counted")
            return 0
        if not store.snapshot([]).backfilled:
            self._say(f"{counter.label}: not backfilled yet, so that its values are counted from the rows")
            return 0
        checked, wrong = 0, 0
        for keys in all_keys(store):
            found = recount(store, keys, check=True)
            checked += len(found)
            wrong += self._report(counter, [one for one in found if one.difference])
        keys = "1 key" if checked == 1 else f"{checked} keys"
        self._say(f"{counter.label}: {keys} checked, {wrong} wrong")
        return wrong

    # Correcting

    def _recount_all(self, counter: Counter) -> int:
        store = counter.store(self.options["database"])
        store.refuse_events()
        identity.identify(store.using)
        store.ensure_progress(buffer_of(store).layout.shards)
        refused.try_again(store.using, store.label)
        adopt(store, force=True)
        buffer_of(store).declare(store)
        if self.options["restart"]:
            progress.update(store.using, store.label, {"recounted_to": None})
        report = self._progress_bar(store)
        done, wrong = 0, 0
        while (found := recount_next(store, begun=done > 0)) is not None:
            done += len(found)
            wrong += sum(one.difference != 0 for one in found)
            report(done)
        self._say(f"{counter.label}: {done} recounts, {wrong} corrections")
        return wrong

    def _progress_bar(self, store: CounterStore) -> Any:
        if self.options["verbosity"] < 1 or not self.stdout.isatty():
            return lambda done: None
        bar = ProgressBar(cast(IO[str], self.stdout), max(number_of_keys(store), 1))
        return lambda done: bar.update(min(done, bar.total_count))

    def _report(self, counter: Counter, found: list[RecountResult]) -> int:
        """Print what was found; how many of the counts are wrong, or were."""
        what = "wrong" if self.options["check"] else "corrected"
        for one in found:
            numbers = f"stored {one.stored}, pending {one.pending}, actual {one.actual}"
            verdict = f"{what} by {one.difference:+}" if one.difference else "right"
            self._say(f"{counter.label}: key {shown(one.key)}: {numbers}, {verdict}")
        return sum(one.difference != 0 for one in found)

    def _say(self, sentence: str) -> None:
        if self.options["verbosity"] > 0:
            self.stdout.write(sentence)
