"""django-haystack with its Whoosh backend and its ``RealtimeSignalProcessor``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..documents import Documents, made


def settings(directory: Path) -> dict[str, Any]:
    engine = "haystack.backends.whoosh_backend.WhooshEngine"
    return {
        "INSTALLED_APPS": ["haystack", "tests.suites.search_packages.with_haystack"],
        "HAYSTACK_CONNECTIONS": {"default": {"ENGINE": engine, "PATH": str(directory / "whoosh")}},
        "HAYSTACK_SIGNAL_PROCESSOR": "haystack.signals.RealtimeSignalProcessor",
    }


def connect() -> None:
    """Nothing: it imports ``search_indexes`` of each app by itself."""


def rebuild() -> None:
    from django.core.management import call_command

    call_command("rebuild_index", interactive=False, verbosity=0)


def settle() -> None:
    """Nothing: it writes in the change's own process."""


def documents() -> Documents:
    from haystack.query import SearchQuerySet

    found = SearchQuerySet().all()[:1000]
    return {one.pk: made(one.title, one.category, one.tags, one.reviews) for one in found}
