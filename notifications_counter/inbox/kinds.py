"""The kinds of notifications that a site describes in its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from .conf import inbox_settings


@dataclass(frozen=True)
class Kind:
    """A kind of notification.

    Attributes:
        name: what stands in the notification's ``kind``.
        label: what a person is shown.
        icon: a name or a text that templates show; empty for none.
        default: whether a user who has said nothing gets notifications of this kind.
        required: whether everybody gets them, whatever they have chosen.
    """

    name: str
    label: Any
    icon: str = ""
    default: bool = True
    required: bool = False


def kinds() -> Mapping[str, Kind]:
    """All kinds of the setting ``KINDS``, by their names, in its order."""
    return {name: kind(name) for name in inbox_settings().KINDS}


def kind(name: str) -> Kind:
    """A kind by its name; what the setting does not describe is on by default, and shown by its name.

    Args:
        name: what stands in the notification's ``kind``.
    """
    values = inbox_settings().KINDS.get(name, {})
    return Kind(name, **{"label": name.replace("_", " ").capitalize() or _("Other"), **values})
