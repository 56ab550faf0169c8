"""``manage.py notification_update_counter``: apply what is buffered to the count models."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import IO, Any, cast

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.base import ProgressBar
from django.db import Error as DatabaseError
from django.db import close_old_connections

from ...applying.result import FlushResult
from ...conf import is_integer
from ...counters import Counter
from ...exceptions import CounterError
from ..base import CounterCommand

logger = logging.getLogger("notifications_counter")


class Command(CounterCommand):
    help = "Apply the buffered changes of all counters to their count models. The log says what could not be applied."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--chunk-size", type=int, metavar="N", help="How many keys one transaction applies.")
        parser.add_argument("--loop", type=float, metavar="SECONDS", help="Flush again and again, so long apart.")
        parser.add_argument(
            "--drain",
            action="store_true",
            help="Flush all that waits outside the database, and let PREFIX, SHARDS or the buffer be changed then.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        self.stopping = threading.Event()
        chosen = self.chosen()
        self._refuse_bad_numbers()
        previous = {number: signal.signal(number, self._stop) for number in self._signals()}
        try:
            self._run(chosen)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _refuse_bad_numbers(self) -> None:
        chunk, loop = self.options["chunk"], self.options["loop"]
        if chunk is not None and (not is_integer(chunk) or chunk < 1):
            raise CommandError(f"--chunk-size must be at least 1, not {chunk}.")
        if loop is not None and not loop > 0:
            raise CommandError(f"--loop must be a number of seconds above 0, not {loop}.")

    @staticmethod
    def _signals() -> list[signal.Signals]:
        """None in a thread, where Python allows no handlers."""
        in_main = threading.current_thread() is threading.main_thread()
        return [signal.SIGTERM, signal.SIGINT] if in_main else []

    def _stop(self, *args: Any) -> None:
        self.stopping.set()

    def _run(self, chosen: list[Counter]) -> None:
        failed = not self._flush_all(chosen)
        while self.options["loop"] and not self.stopping.wait(self.options["loop"]):
            close_old_connections()  # one that was lost would stay so
            failed = not self._flush_all(chosen)
        if failed:
            raise CommandError("Not all went well, and the log says what. What was not flushed is still pending.")

    def _flush_all(self, chosen: list[Counter]) -> bool:
        done = [self._flush(counter) for counter in chosen if not self.stopping.is_set()]
        return all(done)

    def _flush(self, counter: Counter) -> bool:
        try:
            flushed = counter.flush(
                using=self.options["database"],
                chunk_size=self.options["chunk"],
                stop=self.stopping.is_set,
                report=self._progress_bar(),
            )
            if self.options["drain"] and flushed.ok:
                counter.drain(using=self.options["database"])
        except (CounterError, DatabaseError) as error:
            logger.error("%s could not be flushed: %s", counter.label, error)
            return False
        self._report(flushed)
        if self.options["drain"] and flushed.ok and self.options["verbosity"] > 0:
            self.stdout.write(f"{counter.label}: nothing is pending outside the database")
        return flushed.ok

    def _progress_bar(self) -> Any:
        if self.options["verbosity"] < 1 or not self.stdout.isatty():
            return None
        bar: list[ProgressBar] = []

        def report(done: int, total: int) -> None:
            if not bar:
                bar.append(ProgressBar(cast(IO[str], self.stdout), max(total, 1)))
            bar[0].update(min(done, bar[0].total_count))

        return report

    def _report(self, flushed: FlushResult) -> None:
        if self.options["verbosity"] < 1:
            return
        recounted = f", {flushed.recounted} recounted" if flushed.recounted else ""
        stopped = ", stopped before the end" if flushed.stopped else ""
        keys = "1 key" if flushed.keys == 1 else f"{flushed.keys} keys"
        self.stdout.write(
            f"{flushed.label}: {keys} changed by {flushed.amount:+d} in {flushed.seconds:.2f} s{recounted}{stopped}"
        )
        if self.options["verbosity"] > 1 and flushed.keys:
            self.stdout.write(f"    {flushed.keys / max(flushed.seconds, 0.001):,.0f} keys a second")
        if self.options["verbosity"] > 2:
            self.stdout.write(f"    ended at {time.strftime('%Y-%m-%d %H:%M:%S')}")
