"""``manage.py notification_consume``: count the clicks that come by message."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.module_loading import import_string

from .....exceptions import CounterError, described
from .....management.base import ExplainingCommand, StoppableCommand

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


class Command(StoppableCommand, ExplainingCommand):
    help = "Count the clicks that the broker has, until SIGTERM or SIGINT. The log says what cannot be counted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Count what has been gathered so far, and end.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with self.signals_caught():
                consumer = import_string(CONSUMER)(self.stopping)
                done = consumer.run_once() if options["once"] else consumer.run()
        except CounterError as error:
            raise CommandError(described(error)) from error
        if options["verbosity"] > 0:
            numbers = [f"{number} {SAID[name]}" for name, number in asdict(done).items() if number or name == "counted"]
            self.stdout.write(f"Clicks: {', '.join(numbers)}.")
