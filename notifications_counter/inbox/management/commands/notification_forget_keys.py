"""``manage.py notification_forget_keys``: forget the keys of notifications that have been gone for long."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.db import connections

from ....exceptions import CounterError, described, quoted
from ...deliveries import forget_keys


class Command(BaseCommand):
    help = (
        "Forget the keys that notify() was given, of notifications that have been gone for as many days as the setting"
        " KEEP_KEYS_DAYS says. The days begin when a run first finds a notification gone: run it once a day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", metavar="ALIAS", help="The database; by default that of the notifications.")

    def handle(self, *args: Any, **options: Any) -> None:
        using = options["database"]
        if using is not None and using not in connections:
            raise CommandError(f"There is no database {quoted(using)} in DATABASES.")
        try:
            number = forget_keys(using)
        except (CounterError, DatabaseError) as error:
            raise CommandError(described(error)) from error
        if options["verbosity"]:
            self.stdout.write(f"{number} keys of users forgotten.")
