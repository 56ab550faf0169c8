"""Let writers and flushers work, and each of them die by SIGKILL at a named point, until all points had their turn.

Prints who was killed where; fails if nobody came to some point, or if somebody died of something else. Django is
started once; each life is a fork of that.
"""

from __future__ import annotations

import faulthandler
import json
import mmap
import os
import random
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

import django

#: How long a process works if it does not come to its point, and how many lives a point may take.
SECONDS, LIVES = 5, 10

#: Seconds after which a step is stuck: longer than any database waits for a lock.
STUCK = 60


class Lives:
    """Processes in two roles, killed one after the other.

    Args:
        make: role -> a function of a seed that makes what works in that role.
        seed: of the random choices.
    """

    def __init__(self, make: dict[str, Callable[[int], Any]], seed: int) -> None:
        self.make = make
        self.random = random.Random(seed)
        self.ended = mmap.mmap(-1, 1)  # shared with the forks
        self.running: dict[int, tuple[str, Any, int]] = {}
        self.killed: list[str] = []
        self.missed: list[str] = []
        self.failed: list[str] = []

    def run(self, plan: dict[str, list[Any]], numbers: dict[str, int]) -> None:
        """Kill at every point of a plan, role -> points, with so many processes at work in each role."""
        queues = {role: deque((point, LIVES) for point in points) for role, points in plan.items()}
        for role, number in numbers.items():
            for _ in range(number):
                self.start(role, queues[role])
        while any(queues.values()) or any(point for _, point, _ in self.running.values()):
            role = self.wait(queues)
            self.start(role, queues[role])
        self.ended[0] = 1
        while self.running:
            self.wait(queues)
        self.ended[0] = 0

    def start(self, role: str, queue: deque[Any]) -> None:
        point, lives = queue.popleft() if queue else (None, 0)
        seed = self.random.randrange(2**32)
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            self.live(role, point, seed)
        self.running[pid] = (role, point, lives)

    def live(self, role: str, point: Any, seed: int) -> None:
        """In the fork; never returns."""
        status = 1
        try:
            from . import points

            worker, parent, end = self.make[role](seed), os.getppid(), time.monotonic() + SECONDS
            if point:
                points.arm(point)
            while not self.ended[0] and os.getppid() == parent and not (point and time.monotonic() > end):
                faulthandler.dump_traceback_later(STUCK, exit=True)
                worker.step()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def wait(self, queues: dict[str, deque[Any]]) -> str:
        """Until one is dead; its role."""
        pid, status = os.waitpid(-1, 0)
        role, point, lives = self.running.pop(pid)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and point:
            self.killed.append(f"{role} {point}")
        elif status:
            self.failed.append(f"{role} {point} ended with status {status}")
        elif point and lives > 1 and not self.ended[0]:
            queues[role].append((point._replace(times=1), lives - 1))
        elif point:
            self.missed.append(f"{role} {point}")
        return role


def main(buffer: str, roles: list[str], seed: int, rounds: int, writers: int, user_ids: list[int]) -> None:
    django.setup()
    from tests.support.base import fast_healing

    from . import points, work

    def auditor(seed: int) -> work.Flusher:
        fast_healing(AUDIT_INTERVAL=1).enable()
        return work.Flusher(seed, user_ids, recounts=True)

    make: dict[str, Callable[[int], Any]] = {
        "writer": lambda seed: work.Writer(seed, user_ids),
        "flusher": lambda seed: work.Flusher(seed, user_ids),
        "asker": lambda seed: work.Writer(seed, user_ids, asks=True),
        "auditor": auditor,
    }
    choose, plan = random.Random(seed), {}
    for role in roles:
        places = points.points(buffer, role) * rounds
        choose.shuffle(places)
        plan[role] = [points.Point(*place, choose.choice([1, 1, 2, 3, 5])) for place in places]
    lives = Lives(make, seed)
    with fast_healing():
        lives.run(plan, dict(zip(roles, (writers, 2), strict=True)))
    print(json.dumps(lives.killed))
    if lives.failed or lives.missed:
        sys.exit(f"failed: {lives.failed}, nobody came to: {lives.missed}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), *map(int, sys.argv[3:6]), [int(pk) for pk in sys.argv[6].split(",")])
