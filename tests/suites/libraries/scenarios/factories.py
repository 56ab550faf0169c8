"""Factories of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import factory
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.signals import post_save, pre_save

from ..counted import count


class Item(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    code = models.IntegerField(default=0)
    open = models.BooleanField(default=True)


class ItemFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Item
        django_get_or_create = ("code",)
        skip_postgeneration_save = True

    code = factory.Sequence(int)


@factory.django.mute_signals(pre_save, post_save)
class MutedFactory(ItemFactory):
    pass


count(Item, "user", Q(open=True))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    ItemFactory(user=ada)
    ItemFactory.create_batch(3, user=bob)
    ItemFactory(user=ada, code=Item.objects.first().code, open=False)
    yield "create, create_batch, get_or_create"
    MutedFactory.create_batch(2, user=ada)
    with factory.django.mute_signals(pre_save, post_save):
        ItemFactory(user=bob).delete()
        item = Item.objects.first()
        item.open = False
        item.save()
    yield "mute_signals"
