"""Rows that people put in an order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from ordered_model.models import OrderedModel

from ..counted import count


class Task(OrderedModel):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    order_with_respect_to = "user"


count(Task, "user")
count(Task, "order")


def steps(ada: Any, bob: Any) -> Iterator[str]:
    tasks = [Task.objects.create(user=user) for user in (ada, ada, ada, bob)]
    Task.objects.bulk_create([Task(user=bob), Task(user=bob)])
    yield "create"
    tasks[0].down()
    tasks[2].top()
    Task.objects.get(pk=tasks[1].pk).swap(Task.objects.get(pk=tasks[2].pk))
    yield "up, down, top, swap"
    task = Task.objects.get(pk=tasks[0].pk)
    task.user = bob
    task.save()
    yield "a move to another user"
    Task.objects.get(pk=tasks[1].pk).delete()
    Task.objects.filter(user=bob).delete()
    yield "delete"
