"""``manage.py notification_prune``: delete old notifications, while the site runs."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...exceptions import CounterError
from ...monitoring.report import number
from ...pruning import CHUNK_SIZE, PruneResult, prune
from ..base import ExplainingCommand, StoppableCommand

#: Seconds between two reports of how far it is.
INTERVAL = 1.0


class Command(StoppableCommand, ExplainingCommand):
    help = (
        "Delete notifications that are older than a duration and not among their user's newest, chunk by chunk, while"
        " the site runs; every count stays exact. A run that was stopped is continued by the next."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            required=True,
            metavar="DURATION",
            help="Only what is older: a number and s, m, h, d or w (seconds to weeks), such as 90d.",
        )
        parser.add_argument("--read-only", action="store_true", help="Only what has been read.")
        parser.add_argument("--keep", type=int, default=0, metavar="N", help="Leave each user's newest N, of any kind.")
        parser.add_argument("--kind", metavar="KIND", help="Only notifications of this kind.")
        parser.add_argument("--database", metavar="ALIAS", help="On this database; by default the notifications' own.")
        parser.add_argument("--dry-run", action="store_true", help="Change nothing: say how many would be deleted.")
        parser.add_argument(
            "--chunk-size", type=int, default=CHUNK_SIZE, metavar="N", help="How many one transaction deletes."
        )
        parser.add_argument("--pause", type=float, default=0.0, metavar="SECONDS", help="Wait so long after each.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        self.said_at, self.is_line_open = time.monotonic(), False
        with self.signals_caught():
            result = self._prune()
        self._say(result)

    def _prune(self) -> PruneResult:
        options = self.options
        try:
            return prune(
                options["older_than"],
                read_only=options["read_only"],
                keep=options["keep"],
                kind=options["kind"],
                using=options["database"],
                dry_run=options["dry_run"],
                chunk_size=options["chunk_size"],
                pause=options["pause"],
                stop=self.stopping.is_set,
                report=self._report if options["verbosity"] > 0 else None,
            )
        except CounterError as error:
            raise CommandError(str(error)) from error

    def _report(self, result: PruneResult) -> None:
        """How far it is: over the same line of a terminal, else a line each where somebody wants to know."""
        if time.monotonic() < self.said_at + INTERVAL:
            return
        self.said_at = time.monotonic()
        if self.stdout.isatty():
            self.is_line_open = True
            self.stdout.write(f"\r{self._sentence(result)}", ending="")
            self.stdout.flush()
        elif self.options["verbosity"] > 1:
            self.stdout.write(self._sentence(result))

    def _say(self, result: PruneResult) -> None:
        if self.options["verbosity"] < 1:
            return
        stopped = "; stopped before the end, and the next run goes on" * result.stopped
        self.stdout.write(f"{chr(13) * self.is_line_open}{self._sentence(result)}{stopped}")

    def _sentence(self, result: PruneResult) -> str:
        done = " would be" * self.options["dry_run"] + " deleted"
        notifications = number(result.deleted, "notification")
        return f"{notifications}{done}, {number(result.users, 'user')} looked at, {result.seconds:.1f} s"
