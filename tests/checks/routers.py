"""Database routers of sites that the checks are about."""

from __future__ import annotations

from typing import Any


class ElsewhereRouter:
    """Writes a source to another database than its counts."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "other" if model._meta.label == "testapp.Ticket" else None
