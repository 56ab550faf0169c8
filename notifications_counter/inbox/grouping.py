"""Groups of equal notifications: those in a row that tell of the same thing, such as comments on one photo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.translation import gettext, ngettext

#: How many actors of a group have an avatar.
MOST_AVATARS = 3


def name_of(user: Any) -> str:
    """The name of a user, as people know it."""
    full_name = getattr(user, "get_full_name", None)
    return (full_name().strip() if full_name else "") or user.get_username()


@dataclass(frozen=True)
class Sentence:
    """What a notification says: who, if its text goes on after the actor's name, and the rest.

    A text goes on after the name if it begins with it, or with a small letter.
    """

    who: str
    rest: str

    @classmethod
    def of(cls, notification: Any) -> Sentence:
        text, actor = notification.text.strip(), notification.actor
        if actor is None:
            return cls("", text)
        for name in {name_of(actor), actor.get_username()}:
            if text.startswith(f"{name} "):
                return cls(name_of(actor), text[len(name) :].strip())
        return cls(name_of(actor), text) if text[:1].islower() else cls("", text)


@dataclass(frozen=True)
class Group:
    """Notifications that are shown as one, newest first; most often there is one.

    Attributes:
        notifications: what it holds.
        sentence: what they say.
    """

    notifications: list[Any]
    sentence: Sentence

    @property
    def newest(self) -> Any:
        """The notification that stands for all."""
        return self.notifications[0]

    @property
    def is_unread(self) -> bool:
        return not self.newest.has_read

    @property
    def is_new(self) -> bool:
        """Whether it came since the inbox was opened last."""
        return any(not each.seen and not each.has_read for each in self.notifications)

    @property
    def actors(self) -> list[Any]:
        """Each actor once, the latest first."""
        return list({each.actor_id: each.actor for each in self.notifications if each.actor is not None}.values())

    @property
    def avatars(self) -> list[Any]:
        """The actors whose avatars are shown."""
        return self.actors[:MOST_AVATARS]

    @property
    def who(self) -> str:
        """Its actors in words, such as "Ada and 4 others"; '' where there is none."""
        names = [name_of(actor) for actor in self.actors]
        if len(names) <= 1:
            return "".join(names)
        if len(names) == 2:
            return gettext("%(first)s and %(second)s") % {"first": names[0], "second": names[1]}
        number = len(names) - 1
        words = ngettext("%(first)s and %(number)d other", "%(first)s and %(number)d others", number)
        return words % {"first": names[0], "number": number}

    @property
    def summary(self) -> str:
        """All that it says, as one text."""
        return f"{self.who} {self.sentence.rest}" if self.sentence.who else self.sentence.rest


def groups_of(notifications: Iterable[Any]) -> list[Group]:
    """Put notifications in a row together that are equal.

    Equal are those of the same kind that say the same of the same target, apart from who did it, and are all read or
    all unread. What is about nothing in particular stands by itself.
    """
    rows = [(notification, Sentence.of(notification)) for notification in notifications]
    return [
        Group([notification for notification, _ in equal], sentence)
        for equal in (list(pairs) for _, pairs in groupby(rows, _likeness))
        for _, sentence in equal[:1]
    ]


def _likeness(row: tuple[Any, Sentence]) -> tuple[Any, ...]:
    notification, sentence = row
    if notification.target_id is None:
        return (notification.pk,)
    about = notification.target_type_id, notification.target_id
    return *about, notification.kind, sentence.rest, bool(sentence.who), notification.has_read
