"""Mark many notifications as read, as one of several processes that mark the same ones; prints how many it marked."""

import random
import sys

import django


def main(user_ids: list[int], seed: int) -> None:
    django.setup()
    from notifications_counter.controller import NotificationController
    from notifications_counter.models import Notification

    rows = list(Notification.objects.filter(user__in=user_ids).values_list("pk", "user_id"))
    random.Random(seed).shuffle(rows)
    marked = sum(NotificationController(user_id).mark_as_read(pk) for pk, user_id in rows)
    print(marked)


if __name__ == "__main__":
    main([int(pk) for pk in sys.argv[2].split(",")], int(sys.argv[1]))
