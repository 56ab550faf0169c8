"""Trees that recursive queries read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from tree_queries.models import TreeNode

from ..counted import count


class Page(TreeNode):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)


count(Page, "user")
count(Page, "parent")


def steps(ada: Any, bob: Any) -> Iterator[str]:
    roots = [Page.objects.create(user=user) for user in (ada, bob)]
    for root in roots:
        Page.objects.bulk_create([Page(user=ada, parent=root) for _ in range(2)])
    yield "create"
    page = Page.objects.with_tree_fields().filter(parent=roots[0]).first()
    page.parent = roots[1]
    page.save()
    Page.objects.with_tree_fields().filter(parent=roots[0]).update(user=bob)
    yield "save and update of rows with their depth"
    Page.objects.with_tree_fields().descendants(roots[1]).delete()
    roots[0].delete()
    yield "delete of a branch"
