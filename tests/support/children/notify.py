"""Notify all users with a key, and die by SIGKILL at a named point if one is given; prints what was sent as JSON."""

import json
import sys
from dataclasses import asdict

import django


def main(key: str, size: int, when: str = "", step: str = "", times: int = 1) -> None:
    django.setup()
    from django.contrib.auth.models import User

    from notifications_counter.inbox import notify

    from .points import Point, arm

    if step:
        arm(Point(when, step, times))
    print(json.dumps(asdict(notify(User.objects.all(), "told once", kind="news", key=key, slice_size=size))))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:5], *map(int, sys.argv[5:6]))
