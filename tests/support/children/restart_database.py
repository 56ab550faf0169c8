"""Flush, and restart the database at a named point of it, by the command that is given; prints what came of it."""

import json
import subprocess
import sys
import time

import django


def main(when: str, step: str, times: int, command: list[str]) -> None:
    django.setup()
    from django.contrib.auth.models import User

    from notifications_counter.models import Notification, UserNotificationsCount

    from . import points

    def restart() -> None:
        began.append(time.monotonic())
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    began: list[float] = []
    counter = UserNotificationsCount.counter
    users = [User.objects.create(username=f"{when} {step} {place}") for place in range(9)]
    for place, user in enumerate(users):
        Notification.objects.bulk_create([Notification(user=user, text="one of some") for _ in range(place + 1)])
    points.arm(points.Point(when, step, times), restart)
    flushed = counter.flush(chunk_size=2)
    stored = dict(UserNotificationsCount.objects.values_list("pk", "unread_count"))
    result = {
        "restarts": len(began),
        "ok": flushed.ok,
        "keys": flushed.keys,
        "stored": [stored.get(user.pk) for user in users],
        "values": [counter.value(user) for user in users],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
