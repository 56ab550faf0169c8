"""What the templates of the inbox need: ``{% load notifications_inbox %}``."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext

from .. import kinds
from ..grouping import name_of

register = template.Library()
register.filter("kind_label", kinds.label_of)
register.filter("kind_icons", kinds.icon_templates)
register.filter("user_name", name_of)

#: How many colors there are, each a class of the style sheet.
HUES = 8
A_MINUTE, A_WEEK = 60, 7 * 24 * 60 * 60


@register.filter
def ago(moment: datetime) -> str:
    """How long ago something was, such as "5 minutes ago"; the date where that is more than a week."""
    now = timezone.now()
    seconds = (now - moment).total_seconds()
    if seconds < A_MINUTE:
        return gettext("just now")
    if seconds < A_WEEK:
        return gettext("%(time)s ago") % {"time": timesince(moment, now, depth=1)}
    return date_format(timezone.localtime(moment) if timezone.is_aware(moment) else moment, "DATE_FORMAT")


@register.filter
def initials(user: Any) -> str:
    """The first letters of a user's first and last name."""
    words = [word for word in name_of(user).split() if word[0].isalnum()] or ["?"]
    return "".join(word[0] for word in {0: words[0], len(words) - 1: words[-1]}.values()).upper()


@register.filter
def hue(value: Any) -> int:
    """The number of a color, always the same for the same value."""
    return zlib.crc32(str(value).encode()) % HUES
