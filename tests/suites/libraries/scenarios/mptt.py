"""Trees as nested sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from mptt.models import MPTTModel, TreeForeignKey

from ..counted import count


class Category(MPTTModel):
    parent = TreeForeignKey("self", models.CASCADE, null=True, related_name="children")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    open = models.BooleanField(default=True)


count(Category, "user", Q(open=True))
count(Category, "parent", Q(open=True))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    roots = [Category.objects.create(user=user) for user in (ada, bob)]
    children = [Category.objects.create(user=ada, parent=root) for root in roots for _ in range(2)]
    leaves = [Category.objects.create(user=bob, parent=child) for child in children]
    yield "create"
    leaves[0].move_to(Category.objects.get(pk=roots[1].pk))
    Category.objects.move_node(Category.objects.get(pk=children[1].pk), None)
    yield "move_to, move_node"
    Category.objects.insert_node(Category(user=ada), Category.objects.get(pk=roots[1].pk), save=True)
    with Category.objects.delay_mptt_updates():
        Category.objects.create(user=ada, parent=Category.objects.get(pk=roots[0].pk))
    Category.objects.rebuild()
    yield "insert_node, rebuild"
    Category.objects.filter(user=bob).update(open=False)
    yield "update"
    Category.objects.get(pk=roots[0].pk).delete()
    bob.delete()
    yield "delete of a branch and of a user"
