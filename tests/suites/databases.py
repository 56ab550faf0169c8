"""The databases of a run: PostgreSQL's by ``NC_DATABASE_URL``, else SQLite in memory."""

from __future__ import annotations

import os
from typing import Any

import dj_database_url


def database(suffix: str = "") -> dict[str, Any]:
    """The settings of one alias; the tests make a database of its name with ``test_`` before it."""
    url = os.environ.get("NC_DATABASE_URL")
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    config: dict[str, Any] = {**dj_database_url.parse(url)}
    config["NAME"] += f"_suite{suffix}"
    return config
