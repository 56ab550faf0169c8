"""``manage.py notification_counter_status``: what is pending, how old it is, and what the last flush did."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error as DatabaseError
from django.utils.connection import ConnectionDoesNotExist

from ...buffers.status import Status
from ...conf import is_number
from ...exceptions import CounterError
from ...ledger import undeclared
from ...ledger.introspection import Tables
from ...monitoring.report import as_object, as_text
from ...monitoring.status import read_status
from ...monitoring.thresholds import Thresholds
from ..base import CounterCommand, explained


class Command(CounterCommand):
    help = "Say for each counter what is pending, how old it is, what the last flush did and what the audit found."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="Write one JSON object.")
        limits = parser.add_argument_group("thresholds", "The exit status is 1 where one is passed.")
        limits.add_argument("--max-age", type=float, metavar="SECONDS", help="The last flush was so long ago.")
        limits.add_argument("--max-keys", type=float, metavar="N", help="So many keys have pending deltas.")
        limits.add_argument("--max-intent-age", type=float, metavar="SECONDS", help="An intent is so old.")
        limits.add_argument(
            "--drift-within", type=float, metavar="SECONDS", help="The audit has found wrong counts since then."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        thresholds = Thresholds(
            age=_not_negative(options, "max_age"),
            keys=_not_negative(options, "max_keys"),
            intent_age=_not_negative(options, "max_intent_age"),
            drift_within=_not_negative(options, "drift_within"),
        )
        found, wrong = self._read(thresholds)
        self._write(found, wrong)
        if wrong:
            raise CommandError("\n".join(wrong))

    def _read(self, thresholds: Thresholds) -> tuple[list[Status], list[str]]:
        """The status of each counter, and a sentence for each thing that is wrong with any."""
        found: list[Status] = []
        wrong: list[str] = []
        tables = cache(Tables)
        for counter in self.chosen():
            try:
                if sentence := tables(counter.store(self.options["database"]).using).lacks(counter):
                    self._say(sentence)
                    continue
                status = read_status(counter, self.options["database"])
            except (CounterError, DatabaseError, ConnectionDoesNotExist) as error:
                wrong.append(
                    f"{counter.label}: its status cannot be read: {explained(error, self.options['database'])}"
                )
                continue
            found.append(status)
            wrong += [f"{status.label}: {status.problem}"] if status.problem else []
            wrong += thresholds.passed(status)
        if not self.options["counter"]:
            for using in sorted({status.using for status in found}):
                wrong += undeclared.sentences(using)
        return found, wrong

    def _say(self, sentence: str) -> None:
        if self.options["verbosity"] > 0 and not self.options["json"]:
            self.stdout.write(sentence)

    def _write(self, found: list[Status], wrong: list[str]) -> None:
        if self.options["json"]:
            whole = {"counters": [as_object(status) for status in found], "wrong": wrong}
            self.stdout.write(json.dumps(whole, cls=DjangoJSONEncoder, indent=2))
        elif self.options["verbosity"] > 0:
            self.stdout.write("\n\n".join(as_text(status) for status in found))


def _not_negative(options: dict[str, Any], name: str) -> float | None:
    value: float | None = options[name]
    if value is not None and not (is_number(value) and value >= 0):
        raise CommandError(f"--{name.replace('_', '-')} must be a number of at least 0, not {value}.")
    return value
