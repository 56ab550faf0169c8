"""The flush of buffered users to PostgreSQL, against the loop that one writes first.

    python -m benchmarks.flush [--users 100000] [--looped 5000] [--rounds 3]

The loop: for each user ZSCORE, ZREM, and one UPDATE. It loses a change that comes between its two first steps, and
all that it has taken when it dies; it is here for its speed.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from .environment import postgresql_and_valkey, rates, show, show_ratio

LOOP_KEY = "benchmark:loop"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000, help="buffered users that the flush applies")
    parser.add_argument("--looped", type=int, default=5_000, help="buffered users that the loop applies")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def make_users(number: int) -> list[int]:
    from django.contrib.auth.models import User

    from notifications_counter.models import UserNotificationsCount

    users = (User(username=f"user{place}", password="!") for place in range(number))
    made = User.objects.bulk_create(users, batch_size=5000)
    counts = (UserNotificationsCount(user=user) for user in made)
    UserNotificationsCount.objects.bulk_create(counts, batch_size=5000)
    return [user.pk for user in made]


def flush_rate(users: list[int]) -> float:
    from notifications_counter.models import UserNotificationsCount

    counter = UserNotificationsCount.counter
    for start in range(0, len(users), 10_000):
        counter.add(dict.fromkeys(users[start : start + 10_000], 1))
    started = time.perf_counter()
    flushed = counter.flush()
    seconds = time.perf_counter() - started
    assert flushed.keys == len(users), flushed
    return len(users) / seconds


def loop_rate(client: Any, users: list[int]) -> float:
    from django.db.models import F

    from notifications_counter.models import UserNotificationsCount

    client.zadd(LOOP_KEY, dict.fromkeys(users, 1))
    started = time.perf_counter()
    for user in client.zrange(LOOP_KEY, 0, -1):
        change = int(client.zscore(LOOP_KEY, user))
        client.zrem(LOOP_KEY, user)
        UserNotificationsCount.objects.filter(pk=int(user)).update(unread_count=F("unread_count") + change)
    return len(users) / (time.perf_counter() - started)


def main() -> None:
    options = arguments()
    with postgresql_and_valkey():
        from notifications_counter.buffers import buffers

        users = make_users(options.users)
        client = buffers["default"].client  # type: ignore[attr-defined]
        ours, theirs = rates(
            options.rounds, lambda: flush_rate(users), lambda: loop_rate(client, users[: options.looped])
        )
        show(f"users flushed, of {options.users:,}", ours)
        show(f"users looped over, of {options.looped:,}", theirs)
        show_ratio("flush against loop", ours, theirs)


if __name__ == "__main__":
    main()
