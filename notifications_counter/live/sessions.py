"""Whose a session is, by its cookie alone and without changing it; and which of many sessions have ended."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model, load_backend
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string

#: Sessions a query.
PART = 400


@dataclass(frozen=True, slots=True)
class Session:
    """By what a stream was allowed.

    Attributes:
        cookie: the value of the session's cookie.
        user: the primary key of its user.
    """

    cookie: str
    user: Any

    @property
    def digest(self) -> str:
        """What it is called in messages, which must not say the cookie."""
        return digest_of(self.cookie)


def digest_of(cookie: str) -> str:
    """The name of a session in messages."""
    return hashlib.sha256(cookie.encode()).hexdigest()[:24]


def user_of(cookie: str) -> Any:
    """The user who is logged in by a cookie; None where there is none.

    As ``django.contrib.auth.get_user`` finds it, with the session's hash and the backend's say, but without writing.
    """
    content = _store()(cookie).load() if cookie else {}
    found = _users([content]).get(_pk(content))
    return found if found is not None and _is_valid(content, found) else None


def ended(sessions: Sequence[Session]) -> set[Session]:
    """Those whose user is not logged in by them any more."""
    contents = _contents({session.cookie for session in sessions})
    users = _users(contents.values())
    return {session for session in sessions if not _holds(session, contents.get(session.cookie, {}), users)}


def _holds(session: Session, content: Mapping[str, Any], users: Mapping[Any, Any]) -> bool:
    pk = _pk(content)
    return pk == session.user and pk in users and _is_valid(content, users[pk])


def _store() -> Any:
    return import_string(f"{settings.SESSION_ENGINE}.SessionStore")


def _contents(cookies: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """What sessions hold: those of the database in few queries, all others one by one."""
    store, found, listed = _store(), {}, list(cookies)
    if not hasattr(store, "get_model_class"):
        return {cookie: store(cookie).load() for cookie in listed}
    rows = store.get_model_class()._default_manager.filter(expire_date__gt=timezone.now())
    for start in range(0, len(listed), PART):
        part = rows.filter(session_key__in=listed[start : start + PART])
        found.update({key: store().decode(data) for key, data in part.values_list("session_key", "session_data")})
    return found


def _pk(content: Mapping[str, Any]) -> Any:
    if SESSION_KEY not in content or content.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    try:
        return get_user_model()._meta.pk.to_python(content[SESSION_KEY])
    except ValidationError:
        return None


def _users(contents: Iterable[Mapping[str, Any]]) -> dict[Any, Any]:
    """The users of sessions, by primary key, as their backends find them."""
    wanted: dict[str, set[Any]] = {}
    for content in contents:
        if (pk := _pk(content)) is not None:
            wanted.setdefault(content[BACKEND_SESSION_KEY], set()).add(pk)
    found: dict[Any, Any] = {}
    for path, pks in wanted.items():
        found |= {pk: user for pk, user in _users_of(load_backend(path), list(pks)) if user is not None}
    return found


def _users_of(backend: Any, pks: list[Any]) -> Iterable[tuple[Any, Any]]:
    if len(pks) == 1 or getattr(type(backend), "get_user", None) is not ModelBackend.get_user:
        return [(pk, backend.get_user(pk)) for pk in pks]
    users: list[tuple[Any, Any]] = []
    for start in range(0, len(pks), PART):
        part = get_user_model()._default_manager.in_bulk(pks[start : start + PART])
        users += [(pk, user) for pk, user in part.items() if backend.user_can_authenticate(user)]
    return users


def _is_valid(content: Mapping[str, Any], user: Any) -> bool:
    """Whether the session was begun with the user's password of now, or a secret key that still counts."""
    if not hasattr(user, "get_session_auth_hash"):
        return True
    known = content.get(HASH_SESSION_KEY) or ""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(known, one) for one in hashes)
