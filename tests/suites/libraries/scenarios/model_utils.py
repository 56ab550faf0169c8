"""Soft delete, states, children and a tracker of fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from model_utils import Choices, FieldTracker
from model_utils.managers import InheritanceManager
from model_utils.models import SoftDeletableModel, StatusModel, TimeStampedModel, UUIDModel

from ..counted import count


class Item(SoftDeletableModel, StatusModel, TimeStampedModel, UUIDModel):
    STATUS = Choices("draft", "sent")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    tracker = FieldTracker()


class Event(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    objects = InheritanceManager()


class Comment(Event):
    stars = models.IntegerField(default=0)


count(Item, "user", Q(is_removed=False, status="draft"))
count(Event, "user")


def steps(ada: Any, bob: Any) -> Iterator[str]:
    items = [Item.available_objects.create(user=user) for user in (ada, ada, bob, bob)]
    yield "create"
    items[0].status = "sent"
    items[0].save()
    items[1].delete()
    Item.available_objects.filter(user=bob).delete()
    yield "save, soft delete"
    items[1].delete(soft=False)
    Item.sent.update(status="draft", is_removed=False)
    yield "hard delete, update"
    Event.objects.create(user=ada)
    Comment.objects.create(user=bob)
    for event in Event.objects.select_subclasses():
        event.user = ada
        event.save()
    yield "save of select_subclasses"
    ada.delete()
    yield "delete of a user"
