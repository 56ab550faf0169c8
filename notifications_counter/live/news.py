"""What processes tell each other: which values have changed, and which sessions have ended."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.db import transaction

from ..buffers.base import Subscription
from ..buffers.recording import configured_buffer
from ..counters import Counter
from ..revisions import on_change
from .sessions import digest_of

#: The kinds of messages: all values may have changed; some have; sessions have ended.
ALL, KEYS, SESSION = "all", "keys", "session"

#: The longest message: PostgreSQL takes less than 8,000 bytes. Whoever has changed more tells all to look.
MOST_BYTES = 7000


def message_of(kind: str, names: Iterable[str] = ()) -> str:
    """A message; one that names nothing where the names are too many."""
    text = "\n".join([kind, *names])
    return text if len(text.encode()) <= MOST_BYTES else ALL


def parse(message: str) -> tuple[str, list[str]]:
    """The kind of a message, and its names."""
    kind, *names = message.split("\n")
    return kind, names


def subscribe(counter: Counter | None) -> Subscription | None:
    """What hears the news of a counter; in the thread that will hear them. None where there is nothing to hear."""
    return None if counter is None else configured_buffer(counter).subscribe(counter.store())


def tell(counter: Counter) -> None:
    """Tell all processes of the changes of a counter, and of sessions that end; call it in ``AppConfig.ready()``."""
    on_change(counter, partial(_tell_changes, counter))
    user_logged_out.connect(partial(_tell_log_out, counter), dispatch_uid=f"live {counter.label}", weak=False)


def _tell_changes(counter: Counter, keys: set[str], using: str) -> None:
    configured_buffer(counter).publish(counter.store(using), message_of(KEYS, keys))


def _tell_log_out(counter: Counter, request: Any, **kwargs: Any) -> None:
    """The session is deleted after this signal: most often at once, but with requests in transactions at their end."""
    cookie = getattr(getattr(request, "session", None), "session_key", None)
    if cookie:
        message = message_of(SESSION, [digest_of(cookie)])
        store = counter.store()
        transaction.on_commit(
            partial(configured_buffer(counter).publish, store, message), using=store.using, robust=True
        )
