"""The move from a hand-made counter, as its page does it: nothing in the sorted set is lost or counted twice."""

from __future__ import annotations

import json
import random
import time
import unittest
from collections import Counter

from django.test import SimpleTestCase, tag
from redis import Redis

from tests.support.walks import SEED

from .blocks import Block, blocks_of
from .pages import Run, project_for
from .project import PROJECTS, ROOT
from .test_pages import ONCE

PAGE = ROOT / "docs" / "migrating-from-a-hand-made-counter.rst"

PENDING = "ss_pending_counter_changes"
USERS = range(1, 40)

#: Takes what is left in the set, again and again.
TAKE = """
import django; django.setup()
from notices.moving import take_pending_changes
while True:
    take_pending_changes()
    print(flush=True)
"""
OLD_COUNTS = """
import django, json; django.setup()
from notices.models import NoticesCount
print(json.dumps(dict(NoticesCount.objects.values_list("user_id", "unread_count"))))
"""

Sums = dict[int, int]


@tag("long")
@unittest.skipUnless(ONCE, "runs with SQLite and the database buffer only")
class MigratingTest(SimpleTestCase):
    def setUp(self) -> None:
        self.random = random.Random(SEED)
        self.project = self.enterContext(project_for(PROJECTS / PAGE.stem, "site", needs_redis=True))
        self.redis = self.enterContext(Redis.from_url(f"redis://{self.project.redis}/0", decode_responses=True))
        Run(self.project, lambda block, reason: None).page(self.blocks_until_the_set_is_taken())

    def blocks_until_the_set_is_taken(self) -> list[Block]:
        blocks = blocks_of(PAGE, ROOT)
        taken = [place for place, block in enumerate(blocks) if block.text.count("\ntake_pending_changes()\n")]
        return blocks[: taken[0]]

    def test_each_delta_of_the_set_is_taken_once_though_processes_that_take_it_are_killed(self) -> None:
        sums = Counter({user: count + self.in_the_set(user) for user, count in self.old_counts().items()})
        halfway, end = 0, time.monotonic() + 60
        while halfway < 3 and time.monotonic() < end:
            sums.update(self.write_until_the_taker_is_killed())
            halfway += bool(self.redis.keys(f"{PENDING}:taken:*"))
        self.assertEqual(halfway, 3, f"so many were killed between their two steps; NC_SEED={SEED}")
        self.project.must_run("python", "-c", TAKE.replace("while True", "for _ in range(2)"))
        self.assertEqual(self.redis.keys(f"{PENDING}*"), [])
        self.assertEqual(self.old_counts(), sums, f"NC_SEED={SEED}")

    def in_the_set(self, user: int) -> int:
        return int(self.redis.zscore(PENDING, str(user)) or 0)

    def old_counts(self) -> Sums:
        printed = json.loads(self.project.must_run("python", "-c", OLD_COUNTS))
        return {int(user): count for user, count in printed.items()}

    def write_until_the_taker_is_killed(self) -> Sums:
        """What was added to the set meanwhile."""
        added: Sums = dict.fromkeys(USERS, 0)
        taker = self.project.start("python", "-W", "ignore", "-c", TAKE)
        assert taker.stdout is not None
        taker.stdout.readline()  # it has begun
        end = time.monotonic() + self.random.uniform(0.02, 0.2)
        while time.monotonic() < end:
            user, delta = self.random.choice(USERS), self.random.choice((-1, 1, 2))
            self.redis.zincrby(PENDING, delta, str(user))
            added[user] += delta
        taker.kill()
        taker.communicate()
        return added
