"""Children of one parent, read as what they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from polymorphic.models import PolymorphicModel

from ..counted import count


class Event(PolymorphicModel):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    read = models.BooleanField(default=False)


class Comment(Event):
    stars = models.IntegerField(default=0)


class Reply(Comment):
    depth = models.IntegerField(default=1)


count(Event, "user", Q(read=False))
count(Comment, "stars")


def steps(ada: Any, bob: Any) -> Iterator[str]:
    Event.objects.create(user=ada)
    comments = [Comment.objects.create(user=user, stars=2) for user in (ada, bob)]
    Reply.objects.create(user=bob)
    Event.objects.bulk_create([Event(user=ada)])
    yield "create of parents and children"
    comments[0].read = True
    comments[0].save()
    for event in Event.objects.all():
        event.user = bob
        event.save()
    yield "save of what was read by the parent"
    Event.objects.instance_of(Comment).update(read=False)
    Comment.objects.update(stars=4, read=True)
    yield "update of parents and children"
    Event.objects.not_instance_of(Comment).delete()
    Reply.objects.all().delete()
    yield "delete of querysets"
    Event.objects.first().delete()
    bob.delete()
    yield "delete of a user"
