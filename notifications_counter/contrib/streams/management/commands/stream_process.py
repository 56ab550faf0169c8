"""``manage.py stream_process GROUP``: run a processor."""

from __future__ import annotations

import gc
from typing import Any

from django.core.management.base import CommandError, CommandParser

from .....exceptions import CounterError, described
from .....management.base import ExplainingCommand, StoppableCommand
from ...processor import get_processor
from ...running import Runner


class Command(StoppableCommand, ExplainingCommand):
    help = "Run the processor of a group: one of as many processes as there are partitions may do so at a time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("group", metavar="GROUP", help="The group of the processor.")
        parser.add_argument(
            "--once", action="store_true", help="End when all has been applied that was there at the start."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            processor = get_processor(options["group"])
            say = self._say if options["verbosity"] > 0 else lambda line: None
            runner = Runner(processor, once=options["once"], stopped=self.stopping.is_set, say=say)
        except CounterError as error:
            raise CommandError(described(error)) from error
        if self.from_command_line:
            gc.freeze()  # what Django has made so far is not looked through again and again
        try:
            with self.signals_caught():
                runner.run()
        except CounterError as error:
            raise CommandError(described(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
