"""``manage.py stream_process GROUP``: run a processor."""

from __future__ import annotations

import gc
import signal
import threading
from typing import Any

from django.core.management.base import CommandError, CommandParser

from .....exceptions import CounterError, described
from .....management.base import ExplainingCommand
from ...processor import get_processor
from ...running import Runner


class Command(ExplainingCommand):
    help = "Run the processor of a group: one of as many processes as there are partitions may do so at a time."
    from_command_line = False

    def run_from_argv(self, argv: list[str]) -> None:
        self.from_command_line = True
        super().run_from_argv(argv)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("group", metavar="GROUP", help="The group of the processor.")
        parser.add_argument(
            "--once", action="store_true", help="End when all has been applied that was there at the start."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stopping = threading.Event()
        try:
            processor = get_processor(options["group"])
            say = self._say if options["verbosity"] > 0 else lambda line: None
            runner = Runner(processor, once=options["once"], stopped=self.stopping.is_set, say=say)
        except CounterError as error:
            raise CommandError(described(error)) from error
        if self.from_command_line:
            gc.freeze()  # what Django has made so far is not looked through again and again
        previous = {number: signal.signal(number, self._stop) for number in self._signals()}
        try:
            runner.run()
        except CounterError as error:
            raise CommandError(described(error)) from error
        finally:
            for number, handler in previous.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _signals(self) -> list[signal.Signals]:
        """What ends this process: of a worker that calls the command, that is the worker's own business."""
        in_main = threading.current_thread() is threading.main_thread()
        return [signal.SIGTERM, signal.SIGINT] if in_main and self.from_command_line else []

    def _stop(self, *args: Any) -> None:
        self.stopping.set()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
