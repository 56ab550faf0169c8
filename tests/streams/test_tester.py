"""The tester: in the transaction of a test case, with random schedules."""

from __future__ import annotations

import collections
import logging
from typing import Any

from django.test import TestCase

from notifications_counter.contrib.streams import Processor
from notifications_counter.contrib.streams.exceptions import ProcessingFailed
from notifications_counter.contrib.streams.processor import unregister
from notifications_counter.testing.streams import Tester

from ..support.walks import SEED
from .models import Profile, Seen, UserClicks


class TesterTests(TestCase):
    def made(self, **options: Any) -> Tester:
        self.addCleanup(unregister, "tested")
        unregister("tested")
        return Tester(Processor("tested", **{"inputs": "clicks", **options}))

    def test_messages_are_pushed_processed_and_read(self) -> None:
        tester = self.made(table=UserClicks)
        for key in ("ada", "ben", "ada"):
            tester.push("clicks", key, "/")
        tester.run()
        self.assertEqual([tester.value(key) for key in ("ada", "ben", "nobody")], [2, 1, None])

    def test_what_is_emitted_can_be_read_and_the_loop_comes_to_its_end(self) -> None:
        def process(ctx: Any, message: int) -> None:
            ctx.emit("out", ctx.key, message)
            if message > 0:
                ctx.loopback(ctx.key, message - 1)

        tester = self.made(inputs={"clicks": int}, process=process, outputs={"out": int}, loop=int)
        tester.push("clicks", "ada", 3)
        tester.run()
        self.assertEqual(tester.emitted("out"), [("ada", number) for number in (3, 2, 1, 0)])

    def test_an_error_is_raised(self) -> None:
        tester = self.made(process=lambda ctx, message: 1 / 0)
        tester.push("clicks", "ada", "/")
        with self.assertRaisesMessage(ProcessingFailed, "ZeroDivisionError"):
            tester.run()

    def test_under_random_rebalances_and_crashes_each_message_counts_once(self) -> None:
        def process(ctx: Any, message: str) -> None:
            Seen.objects.create(message=message)
            value = ctx.value or {"name": "", "seen": 0}
            ctx.set_value({**value, "seen": value["seen"] + 1})

        tester = self.made(process=process, table=Profile)
        pushed = [(f"user-{number % 7}", str(number)) for number in range(150)]
        for key, value in pushed:
            tester.push("clicks", key, value)
        with self.assertLogs("notifications_counter", "WARNING"):  # of zombies
            run = tester.run_randomly(seed=SEED)
        self.assertEqual(
            sorted(Seen.objects.values_list("message", flat=True)), sorted(value for _, value in pushed), run
        )
        expected = collections.Counter(key for key, _ in pushed)
        self.assertEqual(dict(Profile.objects.values_list("user", "seen")), dict(expected), run)
        happened = sum(run.happened.values()) - run.happened["applied"]
        for what in ("joined", "crashed", "stood still", "woke up"):
            self.assertGreaterEqual(run.happened[what], 0.05 * happened, f"{what}: {run}")

    def test_a_seed_repeats_a_schedule(self) -> None:
        tester = self.made(table=UserClicks)
        for number in range(30):
            tester.push("clicks", f"user-{number % 7}", "/")
        logging.disable(logging.WARNING)
        self.addCleanup(logging.disable, logging.NOTSET)
        first, second = (tester.run_randomly(seed=3, steps=40).happened for _ in range(2))
        self.assertEqual({**first, "applied": 0, "fenced": 0}, {**second, "applied": 0, "fenced": 0})
        self.assertEqual(sum(UserClicks.objects.values_list("clicks", flat=True)), 30)
