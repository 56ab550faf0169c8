"""Sending by Celery, and by Django's own tasks where Django has them, so that a request answers at once.

Without either this module can be imported, and ``send_notifications`` called; to send it to Celery needs the extra.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import DatabaseError, models, router

from ..exceptions import InvalidRecipients, quoted
from ..models import Notification
from ..tasks import celery_task
from .content import Content, text_of_pk
from .deliveries import digest_of
from .recipients import Named, slices_of
from .sending import Sent, notify


def task_arguments(
    recipients: Any,
    text: str,
    *,
    kind: str = "",
    url: str = "",
    actor: Any = None,
    target: models.Model | None = None,
    data: Any = None,
    key: str | None = None,
    using: str | None = None,
) -> dict[str, Any]:
    """The arguments of a task as JSON: those of ``notify``, checked now, so that the caller hears what is wrong.

    Args:
        recipients: as for ``notify``, but no queryset: what it finds may be too much for a message. Use ``Named``.
        text: what it says; a lazily translated text is translated now.
        kind, url, actor, target, data, using: as for ``notify``.
        key: as for ``notify``; without one a new key is made, so that a task that is run again sends nothing twice.

    Raises:
        InvalidNotification: something cannot be kept as it is given.
        InvalidRecipients: it cannot be told who is meant, or it is a queryset.
    """
    content = Content(text, kind, url, actor, target, data)
    key = uuid.uuid4().hex if key is None else key
    digest_of(key)
    return {
        "recipients": _as_json(recipients, using or router.db_for_write(Notification)),
        "text": content.text,
        "kind": content.kind,
        "url": content.url,
        "actor": None if actor is None else text_of_pk(type(actor), actor.pk),
        "target": None if target is None else [target._meta.label_lower, text_of_pk(type(target), target.pk)],
        "data": data,
        "key": key,
        "using": using,
    }


def _as_json(recipients: Any, using: str) -> dict[str, Any]:
    if isinstance(recipients, Named):
        recipients.users()
        return {"named": recipients.name, "arguments": dict(recipients.arguments)}
    if isinstance(recipients, models.QuerySet):
        raise InvalidRecipients(
            "A queryset may find more users than a message can hold: register a function that returns it with"
            " recipients(), and give Named(), or a list of primary keys."
        )
    if isinstance(recipients, Group) and recipients.pk is not None:
        return {"group": recipients.pk}
    user = get_user_model()
    return {"users": [text_of_pk(user, pk) for part in slices_of(recipients, 10_000, using)() for pk in part.pks]}


def _from_json(recipients: dict[str, Any], using: str | None) -> Any:
    if "named" in recipients:
        return Named(recipients["named"], recipients["arguments"])
    if "group" in recipients:
        groups = Group._default_manager.using(using) if using else Group._default_manager
        return groups.filter(pk=recipients["group"]).first() or []
    if "users" in recipients:
        return recipients["users"]
    raise InvalidRecipients(f"A task is told recipients by task_arguments(), not {quoted(recipients)}.")


def _send(
    recipients: dict[str, Any],
    text: str,
    kind: str = "",
    url: str = "",
    actor: str | None = None,
    target: list[str] | None = None,
    data: Any = None,
    key: str | None = None,
    using: str | None = None,
) -> dict[str, int]:
    """Send what ``task_arguments`` has described; about an object that has been deleted meanwhile, nothing."""
    found = None
    if target is not None:
        found = _one(apps.get_model(target[0]), target[1], using)
        if found is None:
            return asdict(Sent())
    sent = notify(
        _from_json(recipients, using),
        text,
        kind=kind,
        url=url,
        actor=None if actor is None else _one(get_user_model(), actor, using),
        target=found,
        data=data,
        key=key,
        using=using,
    )
    return asdict(sent)


def _one(model: type[models.Model], pk: str, using: str | None) -> Any:
    rows = model._base_manager.using(using) if using else model._base_manager
    return rows.filter(pk=pk).first()


NAME = "notifications_counter.inbox.tasks.send_notifications"

send_notifications = celery_task(
    _send,
    NAME,
    # With its key a task that is run again, whatever has kept it from its end, goes on where it was.
    acks_late=True,
    reject_on_worker_lost=True,
    autoretry_for=(DatabaseError,),
    retry_backoff=True,
    max_retries=10,
)

try:
    from django.tasks import task
except ImportError:  # Django has tasks from 6.0 on
    pass
else:

    @task
    def send_notifications_task(**arguments: Any) -> dict[str, int]:
        """Send what ``task_arguments`` has described, by Django's own tasks."""
        return _send(**arguments)
