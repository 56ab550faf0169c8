"""``manage.py notification_consume``: count the clicks that come by message."""

from __future__ import annotations

import signal
import threading
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.module_loading import import_string

from .....exceptions import CounterError, described
from .....management.base import ExplainingCommand

#: By its path, because Kombu is needed to run this, and not to list it.
CONSUMER = "notifications_counter.contrib.clicks.consuming.Consumer"

#: What a run did, as its last line says it.
SAID = {
    "counted": "counted",
    "without_id": "of these without an id",
    "from_database": "of these kept by the database",
    "duplicates": "counted before",
    "refused": "refused",
}


class Command(ExplainingCommand):
    help = "Count the clicks that the broker has, until SIGTERM or SIGINT. The log says what cannot be counted."
    from_command_line = False

    def run_from_argv(self, argv: list[str]) -> None:
        self.from_command_line = True
        super().run_from_argv(argv)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Count what has been gathered so far, and end.")

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        previous = {number: signal.signal(number, lambda *args: stopping.set()) for number in self._signals()}
        try:
            consumer = import_string(CONSUMER)(stopping)
            done = consumer.run_once() if options["once"] else consumer.run()
        except CounterError as error:
            raise CommandError(described(error)) from error
        finally:
            for number, handler in previous.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if options["verbosity"] > 0:
            numbers = [f"{number} {SAID[name]}" for name, number in asdict(done).items() if number or name == "counted"]
            self.stdout.write(f"Clicks: {', '.join(numbers)}.")

    def _signals(self) -> list[signal.Signals]:
        """What ends this process; that of another program that calls the command is the host's business."""
        in_main = threading.current_thread() is threading.main_thread()
        return [signal.SIGTERM, signal.SIGINT] if in_main and self.from_command_line else []
