"""Versions of Django that this version of the package has never been tested with."""

from __future__ import annotations

from typing import Any

import django
from django.core.checks import CheckMessage, Warning

#: The oldest and the newest series that the tests run with. setup.cfg, noxfile.py and README.rst name the same ones,
#: which a test compares.
TESTED = ((5, 2), (6, 1))


def check_django(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Whether this Django has been tested."""
    oldest, newest = TESTED
    if oldest <= django.VERSION[:2] <= newest:
        return []
    first, last = (".".join(map(str, series)) for series in TESTED)
    sentence = f"Django {'.'.join(map(str, django.VERSION[:2]))} was never tested with this version of the package"
    hint = (
        "It also uses parts of Django that may change without notice, and a count could be wrong without an error."
        " Look for a newer notifications_counter, or run your tests, and manage.py notification_recount --check."
    )
    return [Warning(f"{sentence}, but {first} to {last}.", hint=hint, id="notifications_counter.W025")]
