"""Hooks of saves and deletes that change other rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_lifecycle import AFTER_CREATE, AFTER_DELETE, AFTER_UPDATE, BEFORE_SAVE, LifecycleModelMixin, hook

from ..counted import count


class Item(LifecycleModelMixin, models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    text = models.CharField(max_length=20)
    open = models.BooleanField(default=True)

    @hook(BEFORE_SAVE, when="text", is_now="spam")
    def close(self) -> None:
        self.open = False

    @hook(AFTER_CREATE, when="text", is_now="twice")
    def double(self) -> None:
        Item.objects.create(user_id=self.user_id, text="second")

    @hook(AFTER_UPDATE, when="open", has_changed=True)
    def follow(self) -> None:
        Item.objects.filter(user_id=self.user_id, text="second").update(open=self.open)

    @hook(AFTER_DELETE)
    def replace(self) -> None:
        if self.text == "twice":
            Item.objects.create(user_id=self.user_id, text="again")


count(Item, "user", Q(open=True))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    items = [Item.objects.create(user=user, text=text) for user in (ada, bob) for text in ("spam", "ham", "twice")]
    yield "hooks before and after a create"
    items[2].open = False
    items[2].save()
    items[1].text = "spam"
    items[1].save(update_fields=["text", "open"])
    yield "hooks before and after a save"
    items[2].delete()
    Item.objects.filter(user=bob).delete()
    yield "hooks after a delete"
