"""The part of ``demo`` that works with the database; it wants an empty one."""

import sys
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from ...tour import Tour


class Command(BaseCommand):
    help = "Make users and notifications in an empty database, change them, flush, and check every count."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists():
            raise CommandError(
                "There are users in the database already. The command `demo` makes a database of its own."
            )
        tour = Tour(self.say)
        tour.run()
        for sentence in tour.wrong:
            self.stderr.write(sentence)
        if tour.wrong:
            self.say(f"\nWRONG: {len(tour.wrong)} of {tour.compared:,} counts differ from COUNT(*).")
            sys.exit(1)
        self.say(f"\nOK: {tour.compared:,} counts compared with COUNT(*) of their user, all equal.")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
