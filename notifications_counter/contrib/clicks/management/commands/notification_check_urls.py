"""``manage.py notification_check_urls``: are the stored addresses what the installed library makes of them?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from .....exceptions import CounterError, described, quoted
from .....management.base import ExplainingCommand
from ...models import Click, ClickDay
from ...normalisers import Moved, installed, move, moved, remember

#: How many addresses are named; of all others the number is.
NAMED = 20


class Command(ExplainingCommand):
    help = (
        "Compare the addresses whose clicks are stored with what the installed version of ada-url, and the settings,"
        " make of them. Run it after an upgrade of ada-url, and after a change of SORT_QUERY, IGNORE_FRAGMENT or"
        " IGNORE_PARAMETERS."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--move", action="store_true", help="Give the clicks of each address that is another one now to that one."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._flush()
            self._check(move_them=options["move"])
        except CounterError as error:
            raise CommandError(described(error)) from error

    def _flush(self) -> None:
        for counter in (Click.humans, Click.bots, ClickDay.humans, ClickDay.bots):
            counter.flush()

    def _check(self, *, move_them: bool) -> None:
        found, refused = 0, 0
        for one in list(moved()):
            if one.new is None:
                refused += 1
                self._name(one, refused)
                continue
            found += 1
            self._name(one, found)
            if move_them:
                move(one.old, one.new)
        if move_them:
            self._flush()
        if refused:
            self.stdout.write(f"{refused} addresses can no longer be counted. Their clicks stay as they are.")
        if found and not move_them:
            raise CommandError(
                f"{found} addresses are others now: new clicks on them are counted under the new ones. "
                f"Run notification_check_urls --move to give them the clicks of the old ones."
            )
        remember()
        self.stdout.write(f"{found} addresses moved. All are as {installed().library} makes them.")

    def _name(self, one: Moved, number: int) -> None:
        if number <= NAMED:
            self.stdout.write(f"{quoted(one.old)} is now {'refused' if one.new is None else quoted(one.new)}")
