"""Runs with one key that are killed, or that meet: nobody gets it twice, nobody is missed, every count is exact."""

import collections
import json
import os
import random
import signal
import subprocess
import time
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import tag

from notifications_counter.counters import counters
from notifications_counter.inbox import Sent, notify
from notifications_counter.inbox.models import Delivery, UnreadByKind, UnseenCount
from notifications_counter.models import Notification, UserNotificationsCount
from tests.support.base import CounterTestCase, fast_healing, finish, heavy, start_child
from tests.support.walks import LONG, SEED

STEPS = ("read deliveries", "note deliveries", "create for users", "commit")
POINTS = [(when, step) for step in STEPS for when in ("before", "after")]
USERS, SIZE = 60, 7
GRACE = json.dumps({**json.loads(os.environ.get("NC_REDIS_OPTIONS", "{}")), "INTENT_GRACE": 1, "TIMEOUT": 20})

#: How often each point has its turn.
ROUNDS = 10 if LONG else 1


@tag("long")
class SendingProcessesTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(fast_healing())
        self.users = self.make_users(USERS)

    def start(self, *arguments: Any) -> "subprocess.Popen[str]":
        # The grace time of an intent is that of the process that has left it.
        environment = {"DJANGO_SETTINGS_MODULE": "tests.apps_settings", "NC_REDIS_OPTIONS": GRACE}
        return start_child("notify", "key", SIZE, *arguments, **environment)

    def assert_everybody_has_one(self, said: str = "") -> None:
        got = collections.Counter(Notification.objects.values_list("user_id", flat=True))
        self.assertEqual({user.pk: got[user.pk] for user in self.users}, {user.pk: 1 for user in self.users}, said)
        self.assertEqual(got.total(), USERS, said)
        end = time.monotonic() + 30
        while not self.flushed_and_exact() and time.monotonic() < end:
            time.sleep(1)  # the grace time of those who died between the commit and the push
        self.assert_exact(self.users, said)
        for user in self.users:
            self.assertEqual(UnseenCount.counter.value(user), 1, said)
            self.assertEqual(UnreadByKind.counter.values_of(user), {"news": 1}, said)

    def flushed_and_exact(self) -> bool:
        pks = [user.pk for user in self.users]
        mine = [counter for counter in counters() if counter.source is Notification]
        flushed = [counter.flush().ok for counter in mine]
        values = {*UserNotificationsCount.counter.values(pks).values(), *UnseenCount.counter.values(pks).values()}
        values |= set(UnreadByKind.counter.values([(pk, "news") for pk in pks]).values())
        return all(flushed) and values == {1}

    @heavy
    def test_killed_runs_that_are_run_again_miss_nobody_and_give_nobody_two(self) -> None:
        chosen, kills, began = random.Random(SEED), collections.Counter[str](), time.monotonic()
        points = POINTS * ROUNDS
        chosen.shuffle(points)
        # Two at a time, so that one meets what the other, or its death, has left.
        for pair in zip(points[::2], points[1::2], strict=True):
            children = [(self.start(*point, chosen.randint(1, 4)), point) for point in pair]
            for child, (when, step) in children:
                out, err = child.communicate(timeout=120)
                self.assertIn(child.returncode, (0, -signal.SIGKILL), f"NC_SEED={SEED}\n{out}\n{err}")
                kills[f"{when} {step}"] += child.returncode != 0
        said = f"NC_SEED={SEED}: {kills.total()} kills in {time.monotonic() - began:.0f} s: {dict(kills)}"
        print(said, flush=True)
        self.assertGreater(kills.total(), len(points) / 3, said)
        finish(self.start())
        self.assert_everybody_has_one(said)

    def test_runs_with_one_key_at_the_same_time_share_the_users(self) -> None:
        children = [self.start() for _ in range(3)]
        sent = [finish(child)["sent"] for child in children]
        self.assertEqual(sum(one["sent"] for one in sent), USERS, sent)
        self.assertEqual(sum(one["already_sent"] for one in sent), USERS * 2, sent)
        self.assert_everybody_has_one(str(sent))

    @heavy
    def test_a_run_waits_for_a_transaction_that_sends_the_same_and_takes_over_if_it_is_rolled_back(self) -> None:
        """Another process, which the database lets wait until this one has decided."""
        if not connection.features.has_select_for_update:
            self.skipTest("has one writer at a time")
        for rolls_back in (True, False):
            with transaction.atomic():
                notify(User.objects.all(), "told once", kind="news", key="key", slice_size=SIZE)
                child = self.start()
                time.sleep(2)
                self.assertIsNone(child.poll())
                transaction.set_rollback(rolls_back)
            sent = Sent(**finish(child)["sent"])
            self.assertEqual(sent, Sent(sent=USERS) if rolls_back else Sent(already_sent=USERS))
            self.assert_everybody_has_one()
            if rolls_back:
                Notification.objects.all().delete()
                Delivery.objects.all().delete()

    def test_memory_does_not_grow_with_the_number_of_users(self) -> None:
        """Measured by the process itself, from its first slice on: nothing of a slice is kept."""
        User.objects.bulk_create([User(username=f"many{place}") for place in range(8_000)])
        done = finish(start_child("notify", "key", 200, DJANGO_SETTINGS_MODULE="tests.apps_settings"))
        self.assertEqual(done["sent"]["sent"], 8_000 + USERS)
        self.assertLess(done["grown"], 8 * 1024 * 1024)
