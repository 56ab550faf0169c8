"""What the commands have in common: how they fail, and which counters they work on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseError

from ..counters import Counter, counters, get_counter
from ..dialects import dialect_of
from ..exceptions import CounterError, described, unknown


class ExplainingCommand(BaseCommand):
    """A command that says what to do about it when the database fails."""

    options: dict[str, Any]

    def execute(self, *args: Any, **options: Any) -> Any:
        """As Django's; what a database says when it fails comes with what to do about it.

        Raises:
            CommandError: the option ``database`` names an alias that is not in the settings; or the database failed.
        """
        using = options.get("database")
        if using is not None and using not in set(connections):
            raise CommandError(unknown("database", using, connections))
        try:
            return super().execute(*args, **options)
        except DatabaseError as error:
            raise CommandError(f"The database failed: {explained(error, using)}") from error


class StoppableCommand(BaseCommand):
    """A command that ends at SIGTERM or SIGINT when it has finished what it is at."""

    from_command_line = False
    #: Set as soon as it is to end.
    stopping: threading.Event

    def run_from_argv(self, argv: list[str]) -> None:
        self.from_command_line = True
        super().run_from_argv(argv)

    def execute(self, *args: Any, **options: Any) -> Any:
        """As Django's, each time from the beginning."""
        self.stopping = threading.Event()
        return super().execute(*args, **options)

    @contextmanager
    def signals_caught(self) -> Iterator[None]:
        """Let the signals set ``stopping`` meanwhile."""
        previous = {number: signal.signal(number, self._stop) for number in self._signals()}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _signals(self) -> list[signal.Signals]:
        """What ends this process: of another's, such as a worker that calls the command, that is the host's business.

        None in a thread, where Python allows no handlers.
        """
        in_main = threading.current_thread() is threading.main_thread()
        return [signal.SIGTERM, signal.SIGINT] if in_main and self.from_command_line else []

    def _stop(self, *args: Any) -> None:
        self.stopping.set()


class CounterCommand(ExplainingCommand):
    """A command for all counters, or for those that are named."""

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


def explained(error: Exception, using: str | None) -> str:
    """What an error says, and what to do about it where a database gave it."""
    if not isinstance(error, DatabaseError):
        return described(error)
    advice = dialect_of(connections[using or DEFAULT_DB_ALIAS]).advice_for(error)
    return " ".join(filter(None, [f"{described(error).rstrip('.')}.", advice]))
