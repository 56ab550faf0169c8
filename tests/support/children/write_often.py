"""Create notifications of one user at a steady rate until a file appears; prints how long each took, in seconds."""

import json
import sys
import time
from pathlib import Path

import django


def main(user_id: int, rate: float, end: Path) -> None:
    django.setup()
    from notifications_counter.models import Notification

    took = []
    following = time.monotonic()
    while not end.exists():
        began = time.monotonic()
        Notification.objects.create(user_id=user_id, text="one of many")
        took.append(time.monotonic() - began)
        following += 1 / rate
        time.sleep(max(0, following - time.monotonic()))
    print(json.dumps(took))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
