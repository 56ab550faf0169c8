"""What a kind is called, which icon it has, and whether everybody gets it."""

from __future__ import annotations

from django.utils.text import capfirst
from django.utils.translation import gettext

from .conf import ICON, inbox_settings

ICONS = "notifications_counter/inbox/icons"


def label_of(kind: str) -> str:
    """What a kind is called: as ``KINDS`` says, or as it is written."""
    label = inbox_settings().KINDS.get(kind, {}).get("label")
    if label:
        return str(label)
    return str(capfirst(kind.replace("_", " ").replace("-", " ").strip())) or gettext("Other")


def icon_templates(kind: str) -> list[str]:
    """The templates of a kind's icon, of which the first that exists is taken.

    The icon is what ``KINDS`` says, or has the name of the kind.
    """
    icon = inbox_settings().KINDS.get(kind, {}).get("icon", kind)
    names = [icon, "bell"] if ICON.fullmatch(icon) else ["bell"]
    return [f"{ICONS}/{name}.svg" for name in names]


def in_order(kinds: set[str]) -> list[str]:
    """Kinds in the order of ``KINDS``, and then by what they are called; what has no kind comes last."""
    order = {kind: place for place, kind in enumerate(inbox_settings().KINDS)}
    return sorted(kinds, key=lambda kind: (order.get(kind, len(order)), kind == "", label_of(kind).casefold(), kind))


def is_on_by_default(kind: str) -> bool:
    """Whether a user who has chosen nothing gets notifications of a kind."""
    return bool(inbox_settings().KINDS.get(kind, {}).get("default", True))


def is_required(kind: str) -> bool:
    """Whether everybody gets notifications of a kind, whatever they have chosen."""
    return bool(inbox_settings().KINDS.get(kind, {}).get("required", False))
