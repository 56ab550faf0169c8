"""Counts by the columns that a tree of django-mptt keeps for itself, and writes with raw SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.models import Q
from mptt.models import MPTTModel, TreeForeignKey

from ..counted import count


class Category(MPTTModel):
    parent = TreeForeignKey("self", models.CASCADE, null=True, related_name="children")


count(Category, "tree_id", Q(level__gt=0))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    roots = [Category.objects.create() for _ in range(2)]
    children = [Category.objects.create(parent=root) for root in roots for _ in range(2)]
    yield "create"
    children[0].move_to(Category.objects.get(pk=roots[1].pk))
    yield "move_to"
