"""What users want in the inbox: deviations from the site's defaults, and what they have muted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models import Value

from .conf import inbox_settings
from .content import Content
from .kinds import kind
from .models import KindChoice, Mute


def unwanted(pks: Sequence[Any], content: Content, using: str) -> set[Any]:
    """Those of some users who do not want to get something, by one query at most.

    Args:
        pks: the users' primary keys.
        content: what is to be sent.
        using: the database alias.
    """
    meant = kind(content.kind)
    if meant.required:
        return set()
    queries = []
    if content.kind in inbox_settings().KINDS:
        choices = KindChoice.objects.using(using).filter(user__in=pks, kind=content.kind, wanted=not meant.default)
        queries.append(choices.order_by().values_list("user_id", Value(1)))
    if content.target is not None:
        target_type, target_id = content.target_key(using)
        mutes = Mute.objects.using(using).filter(user__in=pks, target_type=target_type, target_id=target_id)
        queries.append(mutes.order_by().values_list("user_id", Value(0)))
    found = _together(queries)
    deviating = {pk for pk, is_choice in found if is_choice}
    muted = {pk for pk, is_choice in found if not is_choice}
    return muted | (deviating if meant.default else set(pks) - deviating)


def _together(queries: list[models.QuerySet[Any, Any]]) -> list[tuple[Any, int]]:
    if not queries:
        return []
    first, *others = queries
    return list(first.union(*others, all=True) if others else first)
