"""What is sent, checked before anything changes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.functional import Promise

from ..exceptions import InvalidNotification, quoted
from ..models import Notification

SCHEMES = ("", "http", "https")

#: Browsers take a backslash for a slash, and leave out line breaks and tabs.
MISREAD = re.compile(r"[\x00-\x20\x7f\\]")

#: Half of a character: no encoding has it.
HALF = re.compile(r"[\ud800-\udfff]")

#: A NUL in a text that was made JSON, which PostgreSQL cannot keep.
NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True)
class Content:
    """What all recipients get, as ``notify`` takes it.

    Raises:
        InvalidNotification: something cannot be kept, or must not be.
    """

    text: str
    kind: str = ""
    url: str = ""
    actor: Any = None
    target: models.Model | None = None
    data: Any = None

    def __post_init__(self) -> None:
        for name in ("text", "url"):  # may be translated lazily, or an address that is reversed lazily
            if isinstance(getattr(self, name), Promise):
                object.__setattr__(self, name, str(getattr(self, name)))
        _check_text("text", self.text)
        if not self.text.strip():
            raise InvalidNotification("A notification needs a text, and not only spaces.")
        _check_text("kind", self.kind)
        _check_text("url", self.url)
        _check_url(self.url)
        if self.actor is not None:
            _check_actor(self.actor)
        if self.target is not None:
            _check_target(self.target)
        _check_data(self.data)

    def notification(self, using: str, created_at: datetime) -> Notification:
        """A notification for nobody yet, which is not saved."""
        made = Notification(
            text=self.text,
            kind=self.kind,
            url=self.url,
            actor_id=None if self.actor is None else self.actor.pk,
            data={} if self.data is None else self.data,
            created_at=created_at,
        )
        if self.target is not None:
            made.target_type, made.target_id = self.target_key(using)
        return made

    def target_key(self, using: str) -> tuple[ContentType, str]:
        """The content type and the primary key, as text, of the target."""
        assert self.target is not None
        return target_key(self.target, using)


def target_key(target: models.Model, using: str) -> tuple[ContentType, str]:
    """The content type and the primary key, as text, under which notifications name a target.

    Args:
        target: any saved object.
        using: the alias of the database that has the notifications.
    """
    return ContentType.objects.db_manager(using).get_for_model(target), text_of_pk(type(target), target.pk)


def text_of_pk(model: type[models.Model], pk: Any) -> str:
    """A primary key as the text that a notification keeps of it, however a program has written it."""
    field: Any = model._meta.pk
    while field.remote_field is not None:
        field = field.target_field
    return str(field.to_python(pk))


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidNotification(f"{name} must be a text, not {quoted(value)}.")
    longest = getattr(Notification._meta.get_field(name), "max_length", None)
    if longest is not None and len(value) > longest:
        raise InvalidNotification(f"{name} must have at most {longest} characters, not {len(value)}: {quoted(value)}.")
    if "\0" in value:
        raise InvalidNotification(f"{name} must have no NUL character: {quoted(value)}.")
    if HALF.search(value):
        raise InvalidNotification(f"{name} must have no half of a surrogate pair: {quoted(value)}.")


def _check_url(url: str) -> None:
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError as error:
        raise InvalidNotification(f"url {quoted(url)} cannot be read: {error}.") from None
    if scheme not in SCHEMES:
        raise InvalidNotification(f"url must be a path, or begin with http:// or https://, not {quoted(url)}.")
    if url.startswith("//") or (scheme and not urlsplit(url).netloc) or MISREAD.search(url):
        raise InvalidNotification(
            f"url {quoted(url)} is not read alike by all browsers: give a path that begins with one slash, or a whole "
            "address, without spaces and backslashes."
        )


def _check_actor(actor: Any) -> None:
    if not isinstance(actor, get_user_model()):
        raise InvalidNotification(f"actor must be a user, not {quoted(actor)}.")
    if actor.pk is None or actor._state.adding:
        raise InvalidNotification(f"actor {quoted(actor)} has not been saved.")


def _check_target(target: Any) -> None:
    if not isinstance(target, models.Model):
        raise InvalidNotification(f"target must be a model instance, not {quoted(target)}.")
    if target.pk is None or target._state.adding:
        raise InvalidNotification(f"target {quoted(target)} has not been saved.")
    if len(target._meta.pk_fields) > 1:
        raise InvalidNotification(f"{target._meta.label} has a composite primary key: it cannot be a target.")
    if len(str(target.pk)) > 255:
        raise InvalidNotification(f"target has a primary key of more than 255 characters: {quoted(target.pk)}.")


def _check_data(data: Any) -> None:
    try:
        text = json.dumps(data, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidNotification(f"data must be JSON, not {quoted(data)}: {error}.") from None
    if NUL_IN_JSON.search(text):
        raise InvalidNotification(f"data must have no NUL character: {quoted(data)}.")
    if HALF.search(json.dumps(data, ensure_ascii=False)):
        raise InvalidNotification(f"data must have no half of a surrogate pair: {quoted(data)}.")
