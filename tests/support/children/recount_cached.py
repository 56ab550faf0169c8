"""Recounts everything while a cache answers queries, as packages that patch ``QuerySet`` do: once each, for ever.

Its argument says whether the cache passes over querysets that read in order to write, as such packages do.
"""

from __future__ import annotations

import sys
from typing import Any

import django

django.setup()

from django.core.management import CommandError, call_command  # noqa: E402
from django.db import models  # noqa: E402

from notifications_counter.models import UserNotificationsCount  # noqa: E402

IS_POLITE = sys.argv[1] == "polite"

fetch_all: Any = models.QuerySet._fetch_all  # type: ignore[attr-defined]
cached: dict[tuple[Any, ...], Any] = {}


def fetch_all_once(rows: Any) -> None:
    if rows._result_cache is None and not (IS_POLITE and rows._for_write):
        key = rows.db, str(rows.query)
        if key in cached:
            rows._result_cache = cached[key]
        else:
            fetch_all(rows)
            cached[key] = rows._result_cache
    fetch_all(rows)


models.QuerySet._fetch_all = fetch_all_once  # type: ignore[attr-defined]
try:
    call_command("notification_recount", counter=[UserNotificationsCount.counter.label], restart=True)
except CommandError as error:
    print(error)
