"""What users want in the inbox: deviations from the site's defaults, and what they have muted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Value
from django.utils.translation import gettext as _

from ..exceptions import CounterError, quoted, unknown
from ..models import Notification
from ..querysets import NotificationQuerySet
from .conf import inbox_settings
from .content import Content
from .kinds import icon_templates, is_on_by_default, is_required, label_of
from .models import KindChoice, Mute
from .recipients import among

#: How many muted targets are listed, the newest first.
MOST_MUTED = 500


class InvalidChoice(CounterError, ValueError):
    """What a user has chosen cannot be chosen. Nothing has been changed."""


@dataclass(frozen=True)
class KindPreference:
    """Whether a user gets notifications of a kind.

    Attributes:
        kind: the kind.
        wanted: whether the user gets them.
        default: whether users who have chosen nothing get them.
        required: whether everybody gets them.
    """

    kind: str
    wanted: bool
    default: bool
    required: bool

    @property
    def label(self) -> str:
        """What the kind is called."""
        return label_of(self.kind)

    @property
    def icons(self) -> list[str]:
        """The templates of its icon, of which the first that exists is taken."""
        return icon_templates(self.kind)


def preferences_of(user: Any) -> list[KindPreference]:
    """What a user gets, of each kind of the setting ``KINDS``, in its order.

    Args:
        user: the user, or the user's primary key.
    """
    chosen = dict(KindChoice._default_manager.filter(user=user).values_list("kind", "wanted"))
    return [_preference(kind, chosen.get(kind)) for kind in inbox_settings().KINDS]


def _preference(kind: str, chosen: bool | None) -> KindPreference:
    default, required = is_on_by_default(kind), is_required(kind)
    return KindPreference(kind, required or (default if chosen is None else chosen), default, required)


def choose(user: Any, wanted: Mapping[str, Any]) -> None:
    """Note what a user wants; only what is not the default is stored.

    Args:
        user: the user, or the user's primary key.
        wanted: kind -> whether the user wants notifications of it. Kinds that are not named stay as they are.

    Raises:
        InvalidChoice: a kind is unknown, or everybody gets it, or a value is neither true nor false; or they are not
            given as a dictionary.
    """
    if not isinstance(wanted, Mapping):
        raise InvalidChoice(f"Give each kind with true or false, such as {{'comment': False}}, not {quoted(wanted)}.")
    for kind, value in wanted.items():
        _check_choice(kind, value)
    pk = getattr(user, "pk", user)
    with transaction.atomic(using=KindChoice._default_manager.db_manager().db):
        for kind, value in wanted.items():
            if value == is_on_by_default(kind):
                KindChoice._default_manager.filter(user=pk, kind=kind).delete()
            else:
                KindChoice._default_manager.update_or_create(user_id=pk, kind=kind, defaults={"wanted": value})


def _check_choice(kind: str, value: Any) -> None:
    if kind not in inbox_settings().KINDS:
        raise InvalidChoice(unknown("kind", kind, inbox_settings().KINDS))
    if not isinstance(value, bool):
        raise InvalidChoice(
            _("%(kind)s must be true or false, not %(value)s.") % {"kind": quoted(kind), "value": quoted(value)}
        )
    if is_required(kind) and not value:
        raise InvalidChoice(_("Everybody gets %(kind)s: it cannot be switched off.") % {"kind": quoted(kind)})


def muted_by(user: Any) -> list[Mute]:
    """What a user has muted, the newest first.

    Args:
        user: the user, or the user's primary key.
    """
    rows = Mute._default_manager.filter(user=user).order_by("-created_at", "target_type_id", "target_id")
    return list(rows.select_related("target_type")[:MOST_MUTED])


def mute(user: Any, notifications: NotificationQuerySet) -> int:
    """Send a user nothing more about the targets of some of the user's own notifications.

    Args:
        user: the user, or the user's primary key.
        notifications: only those of the user are looked at.

    Returns:
        How many targets are muted by it.

    Raises:
        InvalidChoice: they are not a queryset of notifications.
    """
    if getattr(notifications, "model", None) is not Notification:
        raise InvalidChoice(
            "Name what to mute by notifications about it, such as Notification.objects.about(order), not"
            f" {quoted(notifications)}."
        )
    pk = getattr(user, "pk", user)
    own = notifications.filter(user=pk, target_type__isnull=False, target_id__isnull=False).order_by()
    targets = set(own.values_list("target_type_id", "target_id"))
    rows = [Mute(user_id=pk, target_type_id=kind, target_id=target) for kind, target in sorted(targets)]
    Mute._default_manager.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def unmute(user: Any, targets: Iterable[tuple[str, str]]) -> int:
    """Let a user be told of targets again.

    Args:
        user: the user, or the user's primary key.
        targets: of each the label of its model, in small letters, and its primary key as text.

    Returns:
        How many of them were muted.
    """
    number = 0
    for label, target_id in targets:
        app_label, _dot, model = label.partition(".")
        kinds = ContentType.objects.filter(app_label=app_label, model=model)
        number += Mute._default_manager.filter(user=user, target_type__in=kinds, target_id=target_id).delete()[0]
    return number


def unwanted(pks: Sequence[Any], content: Content, using: str) -> set[Any]:
    """Those of some users who do not want to get something, by one query at most.

    Args:
        pks: the users' primary keys.
        content: what is to be sent.
        using: the database alias.
    """
    if is_required(content.kind):
        return set()
    queries: list[models.QuerySet[Any, Any]] = []
    default, users = is_on_by_default(content.kind), among("user", pks)
    if content.kind in inbox_settings().KINDS:
        choices = KindChoice._default_manager.using(using).filter(kind=content.kind, wanted=not default, **users)
        queries.append(choices.order_by().values_list("user_id", Value(1)))
    if content.target is not None:
        target_type, target_id = content.target_key(using)
        mutes = Mute._default_manager.using(using).filter(target_type=target_type, target_id=target_id, **users)
        queries.append(mutes.order_by().values_list("user_id", Value(0)))
    found = _together(queries)
    deviating = {pk for pk, is_choice in found if is_choice}
    muted = {pk for pk, is_choice in found if not is_choice}
    return (muted | (deviating if default else set(pks) - deviating)).intersection(pks)


def _together(queries: list[models.QuerySet[Any, Any]]) -> list[tuple[Any, int]]:
    if not queries:
        return []
    first, *others = queries
    return list(first.union(*others, all=True) if others else first)
