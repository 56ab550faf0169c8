"""``manage.py notification_update_counter``: flush all counters."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.base import ProgressBar
from django.db import close_old_connections

from ...applying.result import FlushResult
from ...conf import is_integer
from ...counters import Counter
from ...exceptions import FlushFailed
from ...flushing.all_counters import flush_each, refuse_failures
from ..base import CounterCommand, StoppableCommand


class Command(StoppableCommand, CounterCommand):
    help = "Apply the pending deltas of all counters to their count models. The log says what could not be applied."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--chunk-size", type=int, metavar="N", help="How many keys one transaction applies.")
        parser.add_argument("--loop", type=float, metavar="SECONDS", help="Flush again and again, so long apart.")
        parser.add_argument(
            "--drain",
            action="store_true",
            help="Flush all that is pending outside the database, so that PREFIX, SHARDS or the buffer can be changed.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        chosen = self.chosen()
        self._refuse_bad_numbers()
        with self.signals_caught():
            self._run(chosen)

    def _refuse_bad_numbers(self) -> None:
        chunk_size, loop = self.options["chunk_size"], self.options["loop"]
        if chunk_size is not None and (not is_integer(chunk_size) or chunk_size < 1):
            raise CommandError(f"--chunk-size must be at least 1, not {chunk_size}.")
        if loop is not None and not loop > 0:
            raise CommandError(f"--loop must be a number of seconds above 0, not {loop}.")

    def _run(self, chosen: list[Counter]) -> None:
        results = self._flush(chosen)
        while self.options["loop"] and not self.stopping.wait(self.options["loop"]):
            close_old_connections()  # one that was lost would stay so
            results = self._flush(chosen)
        try:
            refuse_failures(results)
        except FlushFailed as error:
            raise CommandError(str(error)) from error

    def _flush(self, chosen: list[Counter]) -> list[FlushResult]:
        done: list[FlushResult] = []
        bar = ChangingBar(self.stdout if self.options["verbosity"] > 0 and self.stdout.isatty() else None)
        for result in flush_each(
            chosen,
            using=self.options["database"],
            chunk_size=self.options["chunk_size"],
            stop=self.stopping.is_set,
            report=bar.report if bar.stream else None,
            drain=self.options["drain"],
        ):
            bar.end()
            done.append(result)
            self._report(result)
        return done

    def _report(self, result: FlushResult) -> None:
        if self.options["verbosity"] < 1 or result.error or not self._is_worth_saying(result):
            return
        if result.passed_over:
            self.stdout.write(result.passed_over)
            return
        recounted = f", {result.recounted} recounted" if result.recounted else ""
        stopped = ", stopped before the end" if result.stopped else ""
        keys = "1 key" if result.keys == 1 else f"{result.keys} keys"
        self.stdout.write(
            f"{result.label}: {keys} changed by {result.amount:+} in {result.seconds:.2f} s{recounted}{stopped}"
        )
        if self.options["verbosity"] > 1 and result.keys:
            self.stdout.write(f"    {result.keys / max(result.seconds, 0.001):,.0f} keys a second")
        if self.options["verbosity"] > 2:
            self.stdout.write(f"    ended at {time.strftime('%Y-%m-%d %H:%M:%S')}")
        if self.options["drain"] and result.ok:
            self.stdout.write(f"{result.label}: nothing is pending outside the database")

    def _is_worth_saying(self, result: FlushResult) -> bool:
        """A loop has little to say of most rounds."""
        is_quiet = self.options["loop"] and self.options["verbosity"] < 2
        changed = result.keys or result.recounted or result.drifted
        return not is_quiet or bool(changed or result.stopped or self.options["drain"])


class ChangingBar:
    """A progress bar for one counter after the other; none without a stream."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._bar: ProgressBar | None = None

    def report(self, done: int, total: int) -> None:
        """How many deltas of the counter were applied, and how many there are."""
        if self._bar is None:
            self._bar = ProgressBar(self.stream, max(total, 1))
        self._bar.update(min(done, self._bar.total_count))

    def end(self) -> None:
        """The counter is done."""
        self._bar = None
