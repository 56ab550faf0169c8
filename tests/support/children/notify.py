"""Notify all users with a key, and die by SIGKILL at a named point if one is given.

Prints as JSON what was sent, and by how many bytes the process has grown since its first slice.
"""

import json
import resource
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
    peaks: list[int] = []
    told = {"kind": "news", "key": key, "slice_size": size}
    sent = notify(User.objects.all(), "told once", progress=lambda sent: peaks.append(peak()), **told)
    print(json.dumps({"sent": asdict(sent), "grown": peaks[-1] - peaks[0]}))


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:5], *map(int, sys.argv[5:6]))
