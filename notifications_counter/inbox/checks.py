"""What is configured wrongly for the inbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning
from django.db import Error as DatabaseError
from django.db import router

from ..exceptions import InvalidSettings, quoted, unknown
from ..models import Notification
from .conf import NAME, inbox_settings

#: At how many of the newest notifications the check of kinds looks, and how many kinds it names.
LOOKED_AT, MOST_NAMED = 1_000, 20


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The settings of the inbox, and the models that they name."""
    try:
        wanted = inbox_settings().DELETE_WITH_TARGET
    except InvalidSettings as error:
        return [Error(str(error), hint="Correct NOTIFICATIONS_COUNTER['INBOX'].", id="notifications_counter.E090")]
    labels = [] if isinstance(wanted, bool) else wanted
    return [
        Warning(
            f"{NAME}['DELETE_WITH_TARGET'] names {quoted(label)}, and there is no such model.",
            hint="Write it as app_label.ModelName, as in 'shop.Order'.",
            id="notifications_counter.W090",
        )
        for label in labels
        if not _is_model(label)
    ]


def check_kinds(app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Kinds of the newest notifications that the setting ``KINDS`` does not have, where it has any."""
    try:
        return [message for using in databases or () for message in _check_kinds(using)]
    except (InvalidSettings, DatabaseError):  # said by what checks the settings, or needs the database more
        return []


def _check_kinds(using: str) -> Iterator[CheckMessage]:
    known = inbox_settings().KINDS
    if not known or not router.allow_migrate_model(using, Notification):
        return
    newest = Notification.objects.using(using).order_by("-pk").values_list("kind", flat=True)[:LOOKED_AT]
    for kind in sorted({*newest, ""} - {*known, ""})[:MOST_NAMED]:
        yield Warning(
            f"{NAME}['KINDS'] does not have a kind of the newest notifications. {unknown('kind', kind, known)}",
            hint="Nobody can switch off a kind that is not declared. Correct it where it is sent, or add it to KINDS.",
            id="notifications_counter.W091",
        )


def _is_model(label: str) -> bool:
    try:
        apps.get_model(label)
    except LookupError:
        return False
    return True
