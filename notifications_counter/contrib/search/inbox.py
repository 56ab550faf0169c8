"""The notifications of one user by words and kind. Nobody can ask for those of another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model

from ...exceptions import InvalidSettings, quoted
from ...models import Notification
from ...projections.declaration import projections
from .conf import search_settings
from .exceptions import InvalidQuery
from .index import SearchIndex
from .results import Page

#: What it is called in ``manage.py search_index``, behind ``notifications_counter.Notification``.
NAME = "inbox"


class InboxIndex(SearchIndex):
    """The notifications of all users. ``search_inbox`` is the way to ask it: ``search`` shows those of everybody."""

    source = Notification
    fields = {"text": "text", "kind": "keyword", "user": "keyword", "created_at": "date"}

    def columns(self) -> list[str]:
        # Whether something is read or seen changes often, and no document.
        return ["id", *self.fields]

    def document(self, row: Any) -> Mapping[str, Any]:
        return {"text": row.text, "kind": row.kind, "user": str(row.user_id), "created_at": row.created_at}


@dataclass(frozen=True)
class InboxPage(Page):
    """One page of what was found in an inbox.

    Attributes:
        notifications: the notifications, in the order of the hits.
    """

    notifications: Sequence[Notification] = ()


def declare() -> None:
    """Search inboxes, where the settings say so: all processes must, because each writes documents."""
    try:
        wanted = search_settings().INBOX
    except InvalidSettings:  # which a check says
        return
    if wanted:
        InboxIndex(name=NAME)


def search_inbox(
    user: Any, text: str = "", kind: str | None = None, page: int = 1, *, size: int = 20, highlight: bool = False
) -> InboxPage:
    """Find notifications of a user, the newest first.

    Args:
        user: the user, such as ``request.user``; no other one's are found.
        text: words, of which each must be found; empty for all.
        kind: of this kind only.
        page: which page, from 1.
        size: how many a page has, at most 1,000.
        highlight: whether hits have passages in which what was found is marked.

    Raises:
        InvalidQuery: it is no user that is stored, or the text, the kind or the page is wrong.
        InvalidSettings: the settings do not say that inboxes are searched.
        NotSupported: the sink cannot mark what was found.
        SinkUnavailable: the sink does not answer.
    """
    if not isinstance(user, get_user_model()) or user.pk is None:
        raise InvalidQuery(f"An inbox is that of a user who is logged in, not of {quoted(user)}.")
    if kind is not None and not isinstance(kind, str):
        raise InvalidQuery(f"A kind must be a text, not {quoted(kind)}.")
    filters = {"user": str(user.pk)} | ({} if kind is None else {"kind": kind})
    index = _index()
    found = index.search(text, filters, page, size=size, order="-created_at", highlight=highlight)
    return _own(index, user, found)


def _index() -> SearchIndex:
    for one in projections():
        if isinstance(one, InboxIndex):
            return one
    raise InvalidSettings("NOTIFICATIONS_COUNTER['SEARCH']['INBOX'] must be True, so that inboxes can be searched.")


def _own(index: SearchIndex, user: Any, found: Page) -> InboxPage:
    """Only what is the user's by its row: an engine may be a moment behind, when one is given to somebody else."""
    rows = {row.pk: row for row in index.rows_of(found) if row.user_id == user.pk}
    pairs = [(hit, rows[index.key.value(hit.key)]) for hit in found if index.key.value(hit.key) in rows]
    hits, notifications = [hit for hit, _ in pairs], [row for _, row in pairs]
    return InboxPage(hits, found.total, found.number, found.size, {}, notifications)
