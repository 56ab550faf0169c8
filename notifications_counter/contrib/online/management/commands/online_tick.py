"""``manage.py online_tick``: begin the next period of the layout "two_sets"."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ...presence import tick


class Command(BaseCommand):
    help = 'Begin the next period of who is online, which the layout "two_sets" needs again and again.'

    def handle(self, *args: Any, **options: Any) -> None:
        tick()
