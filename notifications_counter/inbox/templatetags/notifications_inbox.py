"""What the templates of the inbox need: ``{% load notifications_inbox %}``."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from ... import badge
from .. import kinds
from ..grouping import name_of

register = template.Library()
register.filter("kind_label", kinds.label_of)
register.filter("kind_icons", kinds.icon_templates)
register.filter("user_name", name_of)

#: How many colors there are, each a class of the style sheet.
HUES = 8


@register.filter
def ago(moment: datetime) -> str:
    """How long ago something was, such as "5 minutes ago"; the date where that is more than a week."""
    minutes = (timezone.now() - moment) // timedelta(minutes=1)
    hours, days = minutes // 60, minutes // (24 * 60)
    if minutes < 1:
        return gettext("just now")
    # Whole phrases, because in many languages the unit takes another form in them than by itself.
    if hours < 1:
        return ngettext("%(number)d minute ago", "%(number)d minutes ago", minutes) % {"number": minutes}
    if days < 1:
        return ngettext("%(number)d hour ago", "%(number)d hours ago", hours) % {"number": hours}
    if days < 7:
        return ngettext("%(number)d day ago", "%(number)d days ago", days) % {"number": days}
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


@register.simple_tag
def new_notifications() -> str:
    """What the script of the page says of so many that have come, for each category of numbers, as JSON."""
    return badge.plural_forms(_new)


def _new(number: int) -> str:
    return ngettext("%(exact)s new notification", "%(exact)s new notifications", number) % {"exact": "#"}
