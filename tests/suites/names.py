"""What these commands need of the package, under the names that it has today."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q


def make_counter(source: type[models.Model], key: str, condition: Q, capture: str) -> Any:
    from notifications_counter import Counter

    return Counter(source, key, filter=condition, field="number", capture=capture)


def settings() -> dict[str, Any]:
    """Without the audit, which would correct what is to be found."""
    return {"AUDIT_INTERVAL": None}


def delta_model() -> Any:
    """The table in which deltas wait: columns ``counter`` (its label) and ``key``."""
    return apps.get_model("notifications_counter", "Delta")
