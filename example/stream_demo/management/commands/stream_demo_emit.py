"""The emitter of ``stream_demo``: clicks of ten users, one after the other."""

import collections
import itertools
import json
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ...streams import USERS, clicks


class Command(BaseCommand):
    help = "Emit clicks, and print at the end how many of each user."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rate", type=float, default=10, help="Clicks a second (10).")
        parser.add_argument("--number", type=int, help="End after so many.")

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *args: stopping.set())
        emitted: collections.Counter[str] = collections.Counter()
        numbers = itertools.count() if options["number"] is None else range(options["number"])
        with clicks:
            for number in numbers:
                # Not the same number of each.
                user = USERS[number * number % len(USERS)]
                clicks.emit(user, "clicked")
                emitted[user] += 1
                if stopping.wait(1 / options["rate"]):
                    break
        self.stdout.write(json.dumps(emitted))
