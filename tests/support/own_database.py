"""A PostgreSQL of a test's own, which may be killed, in the place of the server of all tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.core.management import call_command
from django.db import connection

from .base import fill_progress, look_whose_databases, note_layout
from .servers import Postgresql, postgresql


@contextlib.contextmanager
def default_database_on_its_own(programs: Path) -> Iterator[Postgresql]:
    """Have the default database on another server, with empty tables; processes find it by ``url`` and its name."""
    with postgresql(programs) as server:
        url = urlsplit(server.url)
        before = dict(connection.settings_dict)
        there = {"HOST": url.hostname, "PORT": url.port, "USER": url.username, "PASSWORD": "", "NAME": url.path[1:]}
        _lead_to(there)
        try:
            call_command("migrate", run_syncdb=True, verbosity=0)
            _begin()
            yield server
        finally:
            _lead_to(before)
            _begin()


def _lead_to(settings: dict[str, object]) -> None:
    connection.close()
    connection.settings_dict.update(settings)  # type: ignore[typeddict-item]


def _begin() -> None:
    """What a test begins with."""
    fill_progress(["default"])
    note_layout()
    look_whose_databases(["default"])
