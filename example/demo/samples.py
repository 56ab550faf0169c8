"""Made-up users, notifications and tickets."""

import random
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.utils import timezone

from notifications_counter.models import Notification

from .models import Ticket

PASSWORD = "demo"
PEOPLE = """
    ada ben cleo dan eva finn gina hugo ida jon kim leo mia nils olga paul quinn rosa sam tara udo vera will xenia yan
    zoe amir bea carl dora emil fay gus hana ivan jana kurt lena max nora otto pia ralf sina tom uma vic wanda yves zara
"""
NAMES = PEOPLE.split()
#: Users whose inbox nobody has tidied up for long.
BUSY = {"mia": 1_000, "max": 20_000}
#: Those that begin with a small letter go on after the name of who did it.
TEXTS = {
    "comment": ["answered your comment", "commented on your ticket", "agrees with you"],
    "mention": ["mentioned you in a comment"],
    "like": ["likes your photo", "likes your answer"],
    "calendar": ["invites you to lunch", "moved your meeting to 3 pm"],
    "parcel": ["Your parcel has arrived", "Your parcel is on its way", "Please collect your parcel by Friday"],
    "security": ["New log-in from another device", "Your password was changed"],
}
TITLES = ["Update the imprint", "Translate the menu", "Order new chairs", "Answer the survey", "Renew the certificate"]


def make_users() -> list[User]:
    """All with one password, hashed once: a good hash takes its time."""
    password = make_password(PASSWORD)
    users = [
        User(username=name, first_name=name.title(), password=password, is_staff=not n, is_superuser=not n)
        for n, name in enumerate(NAMES)
    ]
    User.objects.bulk_create(users)
    return list(User.objects.order_by("pk"))


def content(chance: random.Random, kind: str = "", text: str = "") -> tuple[str, str, str]:
    """Kind, text and address of a notification; by chance what is not given."""
    kind = kind or ("comment" if text else chance.choice(list(TEXTS)))
    return kind, text or chance.choice(TEXTS[kind]), "/tickets/" if kind == "comment" else ""


def notification(user: User, actors: list[User], chance: random.Random, kind: str = "", text: str = "") -> Notification:
    """One that is not saved yet."""
    kind, text, url = content(chance, kind, text)
    actor = chance.choice(actors) if text[:1].islower() else None
    return Notification(user=user, kind=kind, text=text, actor=actor, url=url)


def unsaved(users: Iterable[User], actors: list[User], chance: random.Random) -> Iterator[Notification]:
    """One new notification for each of the users; they may be named several times."""
    for user in users:
        yield notification(user, actors, chance)


def of_last_week(users: list[User], number: int, chance: random.Random) -> Iterator[Notification]:
    """Notifications of any of the users, a fifth of them read, the oldest a week old."""
    now = timezone.now()
    ages = sorted((chance.uniform(1, 7 * 24) for _ in range(number)), reverse=True)
    made = unsaved(chance.choices(users, k=number), users, chance)
    for hours, one in zip(ages, made, strict=True):
        one.created_at = now - timedelta(hours=hours)
        one.has_read = one.seen = chance.random() < 0.2
        yield one


def of_busy_users(users: list[User], chance: random.Random) -> Iterator[Notification]:
    """So many for those who never tidy up."""
    for user in users:
        yield from of_last_week([user] * BUSY.get(user.username, 0), BUSY.get(user.username, 0), chance)


def of_this_morning(user: User, actors: list[User]) -> list[Notification]:
    """What stands on top of an inbox: several about one ticket, and some others; oldest first."""
    ticket, chance, now = Ticket.objects.filter(assignee=user).first(), random.Random(1), timezone.now()
    about_one = [("comment", "commented on your ticket", ticket)] * 4
    rows = [("calendar", "invites you to lunch", None), *about_one, ("mention", "mentioned you in a comment", None)]
    made = [notification(user, actors, chance, kind, words) for kind, words, _ in rows]
    for minutes, (one, (*_, target)) in enumerate(zip(made, rows, strict=True)):
        one.target, one.actor = target, actors[minutes % len(actors)]
        one.created_at = now - timedelta(minutes=40 - 6 * minutes)
    return made


def tickets(users: list[User], number: int, chance: random.Random) -> Iterator[Ticket]:
    for user in chance.choices(users, k=number):
        yield Ticket(title=chance.choice(TITLES), assignee=user, is_open=chance.random() < 0.8)
