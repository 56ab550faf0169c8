"""Made-up users and notifications."""

import random
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.utils import timezone

from notifications_counter.models import Notification

PASSWORD = "demo"
PEOPLE = """
    ada ben cleo dan eva finn gina hugo ida jon kim leo mia nils olga paul quinn rosa sam tara udo vera will xenia yan
    zoe amir bea carl dora emil fay gus hana ivan jana kurt lena max nora otto pia ralf sina tom uma vic wanda yves zara
"""
NAMES = PEOPLE.split()
TEXTS = {
    "parcel": ["Your parcel has arrived", "Your parcel is on its way", "Please collect your parcel by Friday"],
    "comment": ["{name} answered your comment", "{name} mentioned you in a comment", "{name} likes your photo"],
    "calendar": ["{name} invites you to lunch", "The meeting with {name} has moved to 3 pm"],
    "security": ["New log-in from another device", "Your password was changed"],
}


def make_users() -> list[User]:
    """All with one password, hashed once: a good hash takes its time."""
    password = make_password(PASSWORD)
    users = [User(username=name, password=password, is_staff=not n, is_superuser=not n) for n, name in enumerate(NAMES)]
    User.objects.bulk_create(users)
    return list(User.objects.order_by("pk"))


def text(chance: random.Random) -> tuple[str, str]:
    """A kind and a text."""
    kind = chance.choice(list(TEXTS))
    return kind, chance.choice(TEXTS[kind]).format(name=chance.choice(NAMES).title())


def unsaved(users: Iterable[User], chance: random.Random | None = None) -> Iterator[Notification]:
    """One new notification for each of the users; they may be named several times."""
    chance = chance or random.Random()
    for user in users:
        kind, words = text(chance)
        yield Notification(user=user, kind=kind, text=words)


def of_last_week(users: list[User], number: int, chance: random.Random) -> Iterator[Notification]:
    """Notifications of any of the users, a fifth of them read, the oldest a week old."""
    now = timezone.now()
    ages = sorted((chance.uniform(0, 7 * 24) for _ in range(number)), reverse=True)
    for hours, notification in zip(ages, unsaved(chance.choices(users, k=number), chance), strict=True):
        notification.created_at = now - timedelta(hours=hours)
        notification.has_read = chance.random() < 0.2
        yield notification
