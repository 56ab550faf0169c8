"""Write and read until a file is there; prints how many changes it made.

One user's rows are changed by this process alone, so that each read of that count can be held against what it must be;
the rows of the others are changed by everybody. After some changes it says so, by a file too.
"""

import random
import sys
from pathlib import Path

import django


def main(end: Path, own: int, others: list[int], seed: int) -> None:
    django.setup()
    from django.db import transaction

    from notifications_counter.controller import NotificationController
    from notifications_counter.models import Notification, UserNotificationsCount

    choose, inbox, done = random.Random(seed), NotificationController(own), 0
    unread = Notification.objects.filter(user_id=own, has_read=False).count()
    while not end.exists():
        done += 1
        kind = choose.randrange(4)
        with transaction.atomic():
            NotificationController(choose.choice(others)).unread_count()
            if kind == 0:
                unread -= inbox.mark_all_as_read()
            elif kind == 1:
                Notification.objects.bulk_create([Notification(user_id=pk, text="for all") for pk in [own, *others]])
                unread += 1
            else:
                Notification.objects.create(user_id=own, text="for me")
                unread += 1
        if kind == 2:
            Notification.objects.filter(user_id=choose.choice(others)).mark_as_read()
        if kind == 3:
            UserNotificationsCount.counter.request_recount([own])
        found = UserNotificationsCount.counter.value(own)
        assert found == unread, f"after {done} changes the count of {own} is {found}, not {unread}"
        if done == 10:
            end.with_name(f"{end.name}-{own}").touch()
    print(done)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), [int(pk) for pk in sys.argv[3].split(",")], int(sys.argv[4]))
