"""What a site would use instead: how many times as long each takes as this package.

    python -m benchmarks.peers [--long]

They do not all do the same: the counts of django-notifications-community are 2 seconds old at worst as it is installed
(here its cache keeps them for an hour, so that every read is a hit), and `cache.incr` is wrong for ever after one crash
between the commit and it. The loop that one writes first is in `benchmarks.flush`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Any

from .bulk import CHANGED, mark_all
from .create import TEXT, assert_exact
from .environment import clean, execute, make_count_rows, make_unread, start_anew, table
from .measure import Figure, once, per_call, take_turns, times_as_fast
from .report import run_alone

UNREAD = 500

COMMUNITY_ROWS = """
INSERT INTO notifications_notification (recipient_id, level, unread, actor_content_type_id, actor_object_id, verb,
                                        timestamp, public, deleted, emailed)
SELECT %s, 'info', true, (SELECT min(id) FROM django_content_type), '1', 'has sent you a parcel',
       now(), true, false, false
FROM generate_series(1, %s)
"""


def figures(at_scale: bool) -> Iterator[Figure]:
    rounds = 200 if at_scale else 21
    yield from reads(rounds)
    yield from creates(rounds)
    yield marks(15 if at_scale else 3)


def users_with_rows(number: int = 1_000) -> list[int]:
    from notifications_counter.models import UserNotificationsCount

    from .models import BumpedCount

    users = start_anew(number)
    for model in UserNotificationsCount, BumpedCount:
        make_count_rows(model)
    return users


def reads(rounds: int) -> Iterator[Figure]:
    """One and the same user, with as many unread notifications in each way."""
    from notifications_counter.models import Notification, UserNotificationsCount

    counter, user = UserNotificationsCount.counter, users_with_rows()[5]
    make_unread(Notification, {user: UNREAD})
    counter.add({user: UNREAD})
    ours = per_call(lambda: counter.value(user))
    for against, read in readers(user).items():
        assert read() == counter.value(user) == UNREAD, against
        yield times_as_fast("value, Redis, cached", against, take_turns(rounds, ours, per_call(read)))


def readers(user: int) -> dict[str, Callable[[], object]]:
    from django.contrib.auth.models import User
    from django.core.cache import cache
    from notifications.templatetags.notifications_tags import get_cached_notification_unread_count

    from .models import BumpedCount

    someone = User.objects.get(pk=user)
    execute(COMMUNITY_ROWS, user, UNREAD)
    clean("notifications_notification")
    BumpedCount.objects.filter(pk=user).update(unread_count=UNREAD)
    cache.clear()
    cache.set(f"unread:{user}", UNREAD)
    bumped = BumpedCount.objects.values_list("unread_count", flat=True)
    return {
        "django-notifications-community, a hit of its cache": partial(get_cached_notification_unread_count, someone),
        "django-notifications-community, not cached": lambda: someone.notifications.unread().count(),
        "an F() counter's row": lambda: bumped.get(pk=user),
        "django-redis, cache.get": lambda: cache.get(f"unread:{user}"),
    }


def creates(rounds: int) -> Iterator[Figure]:
    from notifications_counter.models import Notification, UserNotificationsCount

    from .models import Bumped, BumpedCount

    users = users_with_rows()
    ours = per_call(creating(Notification, users), 0.03)
    for against, theirs in {
        "an F() counter, in its transaction": creating(Bumped, users),
        "django-redis, cache.incr after the commit": creating_with_incr(users),
    }.items():
        yield times_as_fast("create, Redis", against, take_turns(rounds, ours, per_call(theirs, 0.03)))
    assert_exact(Notification, UserNotificationsCount, users)
    assert sum(BumpedCount.objects.values_list("unread_count", flat=True)) == Bumped.objects.count()


def creating(model: Any, users: list[int]) -> Callable[[], None]:
    from django.db.transaction import atomic

    chosen = cycle(users)

    def create() -> None:
        with atomic():
            model.objects.create(user_id=next(chosen), text=TEXT)

    return create


def creating_with_incr(users: list[int]) -> Callable[[], None]:
    from django.core.cache import cache
    from django.db.transaction import atomic, on_commit

    from .models import Plain

    chosen = cycle(users)
    cache.clear()
    cache.set_many({f"unread:{user}": 0 for user in users}, timeout=None)

    def create() -> None:
        user = next(chosen)
        with atomic():
            Plain.objects.create(user_id=user, text=TEXT)
            on_commit(lambda: cache.incr(f"unread:{user}"))

    return create


def marks(rounds: int) -> Figure:
    user = users_with_rows()[5]
    measured = take_turns(rounds, mark_all({user: CHANGED}), community_marks(user))
    return times_as_fast(f"mark_all_as_read of {CHANGED:,} rows, Redis", "django-notifications-community's", measured)


def community_marks(user: int) -> Callable[[], float]:
    from django.contrib.auth.models import User
    from notifications.models import Notification

    someone = User.objects.get(pk=user)

    def prepare() -> None:
        execute(f"TRUNCATE {table(Notification)}")
        execute(COMMUNITY_ROWS, user, CHANGED)
        clean(table(Notification))

    def mark() -> None:
        marked = someone.notifications.mark_all_as_read()
        assert marked == CHANGED, marked

    return once(mark, prepare)


if __name__ == "__main__":
    run_alone(figures, __doc__)
