"""Who has got what was sent with a key, and for how long that is known."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connections, models, router, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from ..exceptions import InvalidNotification, quoted
from ..models import Notification
from ..querysets import create_for_each
from .conf import inbox_settings
from .models import Delivery
from .recipients import among

LONGEST_KEY = 200

#: How many deliveries one transaction looks at, so that no statement takes long.
CHUNK = 2_000


def digest_of(key: object) -> uuid.UUID:
    """What is kept of a key.

    Raises:
        InvalidNotification: it is no text of 1 to 200 characters.
    """
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY:
        raise InvalidNotification(f"key must be a text of 1 to {LONGEST_KEY} characters, not {quoted(key)}.")
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).digest()
    return uuid.UUID(bytes=digest[:16], version=5)  # MariaDB takes no UUID without a version


def delivered(digest: uuid.UUID, pks: Sequence[Any], using: str, lock: bool) -> set[Any]:
    """Those of some users who have got what was sent with a key.

    Args:
        digest: of the key.
        pks: the users' primary keys.
        using: the database alias.
        lock: see what others have committed meanwhile, also in a transaction that shows an older state.
    """
    rows = Delivery._default_manager.using(using).filter(key=digest, **among("user", pks))
    if lock and connections[using].features.has_select_for_update:
        rows = rows.select_for_update()
    return set(rows.values_list("user_id", flat=True)).intersection(pks)


def note(digest: uuid.UUID, pks: Sequence[Any], created_at: datetime, using: str) -> None:
    """Note that users get what is sent with a key; a run that has noted the same at the same time fails one of both."""
    create_for_each(Delivery(key=digest, created_at=created_at), "user", pks, using)


def forget_keys(using: str | None = None, *, today: date | None = None, stop: Callable[[], bool] | None = None) -> int:
    """Forget keys whose notifications have been gone for as many days as the setting ``KEEP_KEYS_DAYS`` says.

    It looks at all deliveries, chunk by chunk. The days begin when a run first finds that the notification is gone,
    whoever has deleted it.

    Args:
        using: a database alias.
        today: another day than today.
        stop: asked before each chunk whether to end here; the next run begins anew.

    Returns:
        How many deliveries have been deleted.
    """
    alias = using or router.db_for_write(Delivery)
    day, after, forgotten = today or timezone.now().date(), None, 0
    while not (stop and stop()):
        rows = Delivery._default_manager.using(alias).order_by("user_id", "key")
        if after is not None:
            rows = rows.filter(Q(user_id__gt=after[0]) | Q(user_id=after[0], key__gt=after[1]), user_id__gte=after[0])
        part = list(rows.values_list("user_id", "key")[:CHUNK])
        if not part:
            break
        forgotten += _forget(part, day, alias)
        after = part[-1]
    return forgotten


def _forget(part: Sequence[tuple[Any, uuid.UUID]], day: date, using: str) -> int:
    """One chunk of neighbours, which the primary key lists one after the other."""
    (first, first_key), (last, last_key) = part[0], part[-1]
    inside = Q(user_id__gte=first, user_id__lte=last)
    inside &= ~Q(user_id=first, key__lt=first_key) & ~Q(user_id=last, key__gt=last_key)
    kept = Notification.objects.filter(user_id=OuterRef("user_id"), created_at=OuterRef("created_at"))
    gone: models.QuerySet[Delivery] = Delivery._default_manager.using(using).filter(inside).exclude(Exists(kept))
    with transaction.atomic(using=using):
        gone.filter(gone_on__isnull=True).update(gone_on=day)
        deleted, _ = gone.filter(gone_on__lte=day - timedelta(days=inbox_settings().KEEP_KEYS_DAYS)).delete()
    return deleted


def after_prune(sender: Any, using: str, stop: Callable[[], bool] | None, **kwargs: Any) -> None:
    """What has been pruned long ago is sent again by the same key."""
    forget_keys(using, stop=stop)
