"""``manage.py search_index``: make, rebuild, compare and describe search indexes."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from .....exceptions import CounterError, described, unknown
from .....management.base import ExplainingCommand, StoppableCommand
from .....projections.noting import note
from .....projections.rebuilding import Rebuild
from .....projections.sending import Sender
from ...auditing import Audit
from ...checks import indexes
from ...index import SearchIndex
from ...status import status


class Command(StoppableCommand, ExplainingCommand):
    help = "Make search indexes, make their documents anew, compare them with the rows, or say how they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("index", nargs="*", metavar="INDEX", help="Such as shop.Product.search; all without it.")
        parser.add_argument("--database", metavar="ALIAS", help="A database, where it is not each index's own.")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--create", action="store_true", help="Make what is not there yet, with all documents.")
        what.add_argument("--rebuild", action="store_true", help="Make all documents anew, and then read those.")
        what.add_argument("--resume", action="store_true", help="Go on with a rebuild that was stopped.")
        what.add_argument(
            "--rollback",
            action="store_true",
            help="Read what was read before the last rebuild, brought up to date.",
        )
        what.add_argument(
            "--check", action="store_true", help="Compare all documents with the rows; exit status 1 where they differ."
        )
        what.add_argument("--status", action="store_true", help="Say how the indexes are.")
        what.add_argument("--retry", action="store_true", help="Try documents again that were set aside.")
        parser.add_argument("--json", action="store_true", help="The status as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        self.differ = False
        chosen = self._chosen(options["index"])
        with self.signals_caught():
            if options["status"]:
                self._say_status(chosen)
            else:
                for index in chosen:
                    self._explained(index)
        if self.differ:
            raise CommandError("Documents differed from their rows. They have been sent again.")

    def _chosen(self, labels: list[str]) -> list[SearchIndex]:
        known = {index.label.lower(): index for index in indexes()}
        for label in labels:
            if label.lower() not in known:
                raise CommandError(unknown("search index", label, [index.label for index in known.values()]))
        return [known[label.lower()] for label in labels] if labels else list(known.values())

    def _explained(self, index: SearchIndex) -> None:
        alias = self.options["database"] or index.alias()
        try:
            self._work(index, Sender(index, alias, index.chunk_size, self.stopping.is_set))
        except CounterError as error:
            raise CommandError(f"{index.label}: {described(error)}") from error

    def _work(self, index: SearchIndex, sender: Sender) -> None:
        if self.options["check"]:
            self._check(index, sender)
        elif self.options["retry"]:
            self._retry(index, sender)
        elif self.options["rollback"]:
            self._roll_back(index, sender)
        else:
            self._build(index, sender)

    def _build(self, index: SearchIndex, sender: Sender) -> None:
        again = Rebuild(sender, self._report)
        if self.options["create"] and not again.is_due():
            self.stdout.write(f"{index.label}: is there.")
            return
        if self.options["resume"] and not sender.progress().building:
            self.stdout.write(f"{index.label}: no rebuild was stopped.")
            return
        if self.options["rebuild"]:
            again.begin()
        done = again.run()
        said = "are there" if done else "are sent so far; --resume goes on"
        self.stdout.write(f"{index.label}: {sender.result.rebuilt:,} rows {said}.")

    def _report(self, rows: int) -> None:
        if self.options["verbosity"] > 1:
            self.stdout.write(f"  {rows:,} rows")

    def _check(self, index: SearchIndex, sender: Sender) -> None:
        if Rebuild(sender).is_due():
            raise CommandError(f"{index.label}: not all documents are there yet. Run manage.py search_index --create.")
        sender.run()
        index.refresh(using=sender.using)
        audit = Audit(index, sender, anew=True)
        audit.run()
        found = audit.found
        if sender.result.unavailable:
            raise CommandError(f"{index.label}: {sender.result.unavailable}")
        self.stdout.write(
            f"{index.label}: {found.rows:,} compared: {found.missing:,} missing, {found.stale:,} stale,"
            f" {found.ghosts:,} without a row."
        )
        if found.drifted:
            self.differ = True
            sender.run()

    def _retry(self, index: SearchIndex, sender: Sender) -> None:
        keys = list(sender.set_aside_rows().values_list("key", flat=True))
        with transaction.atomic(using=sender.using):
            note(index, keys, sender.using)
        sender.run()
        left = sender.set_aside_rows().count()
        self.stdout.write(f"{index.label}: {len(keys):,} tried again, {left:,} still set aside.")

    def _roll_back(self, index: SearchIndex, sender: Sender) -> None:
        if not index.sink.supports("rollback", sender.using):
            raise CommandError(f"{index.label}: {type(index.sink).__name__} keeps nothing of before a rebuild.")
        index.sink.rollback(index, using=sender.using)
        Audit(index, sender, anew=True).run()
        sender.run()
        self.stdout.write(f"{index.label}: reads again what it read before, brought up to date.")

    def _say_status(self, chosen: list[SearchIndex]) -> None:
        found = [status(index, self.options["database"] or index.alias()) for index in chosen]
        if self.options["json"]:
            self.stdout.write(json.dumps([one.as_json() for one in found], indent=2))
            return
        for one in found:
            self.stdout.write(one.sentence())
