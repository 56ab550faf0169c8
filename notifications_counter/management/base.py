"""What the commands have in common: which counters they work on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ..counters import Counter, counters, get_counter
from ..exceptions import CounterError


class CounterCommand(BaseCommand):
    """A command for all counters, or for those that are named."""

    options: dict[str, Any]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--counter",
            action="append",
            metavar="APP.MODEL",
            help="Only this counter, as app.Model or app.Model.attribute; repeatable.",
        )
        parser.add_argument("--database", metavar="ALIAS", help="Only on this database; by default each counter's own.")

    def named(self) -> list[Counter]:
        """The counters that are named; none where all are meant."""
        try:
            return [get_counter(label) for label in self.options["counter"] or ()]
        except CounterError as error:
            raise CommandError(str(error)) from error

    def chosen(self) -> list[Counter]:
        """The counters to work on."""
        return self.named() or counters()
