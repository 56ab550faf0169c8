"""The tabs of the page: all and the unread ones, each kind; with how many are unread on each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext

from .kinds import icon_templates, in_order, label_of
from .numbers import Numbers
from .selection import Selection


@dataclass(frozen=True)
class Tab:
    """A link to another selection.

    Attributes:
        label: what it is called.
        selection: what it leads to.
        is_current: whether the page shows that.
        count: how many are unread there; None where that is not said.
        icons: the templates of its icon, of which the first that exists is taken.
    """

    label: str
    selection: Selection
    is_current: bool
    count: int | None = None
    icons: Iterable[str] = ()


def tabs_of_state(selection: Selection, numbers: Numbers) -> list[Tab]:
    """All, and the unread ones; within the kind that is shown."""
    kind = selection.kind
    count = numbers.unread if kind is None else numbers.by_kind.get(kind, 0)
    return [
        Tab(gettext("All"), selection.but(unread=False), not selection.unread),
        Tab(gettext("Unread"), selection.but(unread=True), selection.unread, count),
    ]


def tabs_of_kinds(selection: Selection, numbers: Numbers, kinds: Iterable[str]) -> list[Tab]:
    """All kinds, and each one; nothing where there is but one kind."""
    known = {*kinds, *numbers.by_kind} | ({selection.kind} if selection.kind is not None else set())
    if len(known) < 2 and selection.kind is None:
        return []
    every = Tab(gettext("Everything"), selection.but(kind=None), selection.kind is None, numbers.unread)
    return [every, *(_tab_of_kind(selection, numbers, kind) for kind in in_order(known))]


def _tab_of_kind(selection: Selection, numbers: Numbers, kind: str) -> Tab:
    return Tab(
        label_of(kind),
        selection.but(kind=kind),
        selection.kind == kind,
        numbers.by_kind.get(kind, 0),
        icon_templates(kind),
    )
