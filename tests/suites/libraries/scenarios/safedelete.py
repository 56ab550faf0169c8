"""Rows that are marked as deleted, with what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from safedelete import HARD_DELETE
from safedelete.config import FIELD_NAME
from safedelete.models import SOFT_DELETE_CASCADE, SafeDeleteModel

from ..counted import count


class Thread(SafeDeleteModel):
    _safedelete_policy = SOFT_DELETE_CASCADE
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)


class Post(SafeDeleteModel):
    thread = models.ForeignKey(Thread, models.CASCADE)
    read = models.BooleanField(default=False)


count(Thread, "user", Q(**{f"{FIELD_NAME}__isnull": True}))
count(Post, "thread", Q(**{f"{FIELD_NAME}__isnull": True}, read=False))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    threads = [Thread.objects.create(user=user) for user in (ada, ada, bob)]
    for thread in threads:
        Post.objects.bulk_create([Post(thread=thread) for _ in range(3)])
    yield "create"
    Post.objects.first().delete()
    yield "soft delete"
    threads[0].delete()
    yield "soft delete with what belongs to it"
    threads[0].undelete()
    yield "undelete"
    Post.objects.filter(thread=threads[1]).delete()
    Post.all_objects.filter(thread=threads[1]).undelete()
    yield "delete and undelete of querysets"
    Post.objects.update(read=True)
    Post.objects.filter(thread=threads[2]).update(read=False)
    yield "update"
    Thread.objects.filter(user=ada).delete(force_policy=HARD_DELETE)
    yield "hard delete"
    bob.delete()
    yield "delete of a user"
