"""Tags, by generic relations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from taggit.managers import TaggableManager
from taggit.models import TaggedItem

from ..counted import count


class Item(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    tags = TaggableManager()


count(TaggedItem, "tag")
count(TaggedItem, "object_id")


def steps(ada: Any, bob: Any) -> Iterator[str]:
    items = [Item.objects.create(user=user) for user in (ada, ada, bob)]
    for item in items:
        item.tags.add("red", "green", "blue")
    yield "add"
    items[0].tags.set(["green", "black"])
    items[1].tags.remove("red")
    items[2].tags.clear()
    yield "set, remove, clear"
    items[2].tags.add("black")
    items[0].delete()
    Item.objects.filter(user=bob).delete()
    items[1].tags.first().delete()
    yield "delete of tagged rows and of a tag"
