"""Members of a group share its partitions, and who has lost one changes nothing any more."""

from __future__ import annotations

import time
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection, transaction

from notifications_counter.contrib.streams import Emitter
from notifications_counter.contrib.streams.membership import expire, most_of
from notifications_counter.contrib.streams.models import Member, Progress
from notifications_counter.contrib.streams.processor import Processor
from notifications_counter.contrib.streams.running import Runner, numbers

from .base import TOPIC, StreamsTestCase
from .models import UserClicks


class MembershipTests(StreamsTestCase):
    partitions = 10

    def setUp(self) -> None:
        super().setUp()
        self.counting = self.processor(table=UserClicks, chunk_size=3)
        self.runners: list[Runner] = []

    def start(self, processor: Processor | None = None) -> Runner:
        runner = Runner(processor or self.counting)
        runner.begin()
        self.runners.append(runner)
        return runner

    def held(self, runner: Runner) -> list[int]:
        assert runner.membership is not None
        return sorted(runner.membership.held)

    def settle(self, *runners: Runner) -> None:
        for _ in range(3):
            for runner in runners:
                runner.rebalance(now=True)

    def stop(self, runner: Runner) -> None:
        runner.end()

    def emit(self, number: int = 40) -> None:
        with Emitter(TOPIC) as emitter:
            for place in range(number):
                emitter.emit(f"user-{place % 20}", "/")

    def total(self) -> int:
        return sum(UserClicks.objects.values_list("clicks", flat=True))

    def test_one_member_has_all_partitions_and_several_have_shares_that_differ_by_one_at_most(self) -> None:
        first = self.start()
        self.settle(first)
        self.assertEqual(self.held(first), list(range(10)))
        runners = [first, self.start(), self.start()]
        self.settle(*runners)
        self.assertEqual(sorted(len(self.held(one)) for one in runners), [3, 3, 4])
        self.assertEqual(sorted(number for one in runners for number in self.held(one)), list(range(10)))

    def test_partitions_that_could_not_be_given_up_are_given_up_later(self) -> None:
        first = self.start()
        self.settle(first)
        self.start()
        members = first.membership
        assert members is not None
        surplus = members.balance().surplus
        self.assertEqual(len(surplus), 5)
        connection.connection.close()
        with self.assertRaises(DatabaseError):
            members.release(surplus)
        connection.close()
        self.settle(*self.runners)
        self.assertEqual([len(self.held(one)) for one in self.runners], [5, 5])

    def test_who_has_many_keeps_what_cannot_be_shared_out_evenly(self) -> None:
        self.assertEqual(most_of({"a": 1, "b": 9}, 10), {"a": 5, "b": 5})
        self.assertEqual(most_of({"a": 0, "b": 5, "c": 6}, 11), {"c": 4, "b": 4, "a": 3})

    def test_partitions_that_stay_keep_their_generation(self) -> None:
        first = self.start()
        self.settle(first)
        before = dict(Progress.objects.values_list("partition", "generation"))
        second = self.start()
        self.settle(first, second)
        after = dict(Progress.objects.values_list("partition", "generation"))
        for number in self.held(first):
            self.assertEqual(after[number], before[number])
        for number in self.held(second):
            self.assertGreater(after[number], before[number])

    def test_more_members_than_partitions_leave_some_without(self) -> None:
        runners = [self.start() for _ in range(12)]
        self.settle(*runners)
        self.assertEqual(sorted(len(self.held(one)) for one in runners), [0] * 2 + [1] * 10)

    def test_a_member_that_leaves_gives_up_its_partitions_at_once(self) -> None:
        first, second = self.start(), self.start()
        self.settle(first, second)
        self.stop(first)
        self.settle(second)
        self.assertEqual(self.held(second), list(range(10)))
        self.assertEqual(Member.objects.count(), 1)

    def test_a_member_without_a_sign_of_life_loses_its_partitions_when_its_lease_ends(self) -> None:
        first, second = self.start(), self.start()
        self.settle(first, second)
        self.settle(second)
        self.assertEqual(len(self.held(second)), 5)
        self._expire(first)
        self.settle(second)
        self.assertEqual(self.held(second), list(range(10)))

    def _expire(self, runner: Runner) -> None:
        assert runner.membership is not None
        expire(self.counting, runner.membership.id)

    def test_a_sign_of_life_keeps_a_lease(self) -> None:
        first, second = self.start(), self.start()
        self.settle(first, second)
        self._expire(first)
        assert first.membership is not None
        self.assertTrue(first.membership.keep_alive())
        self.settle(second)
        self.assertEqual(len(self.held(second)), 5)

    def test_a_zombie_cannot_commit_and_becomes_a_member_anew(self) -> None:
        self.emit()
        zombie = self.start()
        self.settle(zombie)
        batch = zombie.reader.poll(3, 1)
        assert batch is not None
        self._expire(zombie)
        heir = self.start()
        self.settle(heir)
        while heir.step():
            pass
        self.assertEqual(self.total(), 40)
        with self.assertLogs("notifications_counter", "WARNING") as logged:
            self.assertEqual(zombie.apply(batch), 0)
        self.assertIn("another member has it", logged.output[0])
        self.assertEqual(self.total(), 40)
        self.emit(20)
        self.settle(zombie, heir)
        self.assertEqual(len(self.held(zombie)), 5)
        while zombie.step() + heir.step():
            pass
        self.assertEqual(self.total(), 60)

    def test_a_chunk_that_was_committed_though_its_member_was_told_otherwise_counts_once(self) -> None:
        self.emit()
        runner = self.start()
        self.settle(runner)
        batch = runner.reader.poll(3, 1)
        assert batch is not None
        before = dict(runner.offsets)
        runner.apply(batch)
        runner.offsets = before  # as after a connection that was lost in the commit
        with self.assertLogs("notifications_counter", "WARNING"):
            runner.apply(batch)
        while runner.step():
            pass
        self.assertEqual(self.total(), 40)

    def test_callbacks_are_told_of_partitions(self) -> None:
        told: list[Any] = []
        processor = self.processor(
            "other-group",
            table=UserClicks,
            on_assigned=lambda given: told.append(("assigned", given)),
            on_revoked=lambda gone: told.append(("revoked", sorted(gone))),
        )
        first = self.start(processor)
        self.settle(first)
        second = self.start(processor)
        first.rebalance(now=True)
        second.rebalance(now=True)
        everything, low, high = list(range(10)), list(range(5)), list(range(5, 10))
        self.assertEqual(told, [("assigned", everything), ("revoked", high), ("assigned", high)])
        self.stop(first)
        self.assertEqual(told[3:], [("revoked", low)])

    def test_a_partition_whose_row_is_held_is_passed_over_and_the_others_move(self) -> None:
        import threading

        from django.db import connection, connections

        if connection.vendor == "sqlite":
            self.skipTest("SQLite has one lock for all rows")
        zombie = self.start()
        self.settle(zombie)
        self._expire(zombie)
        locked, done = threading.Event(), threading.Event()

        def stand_still() -> None:
            with transaction.atomic():
                list(Progress.objects.select_for_update().filter(partition=4))
                locked.set()
                done.wait(20)
            connections.close_all()

        thread = threading.Thread(target=stand_still)
        thread.start()
        locked.wait(10)
        heir = self.start()
        began = time.monotonic()
        self.settle(heir)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.held(heir), [0, 1, 2, 3, 5, 6, 7, 8, 9])
        done.set()
        thread.join()
        self.settle(heir)
        self.assertEqual(self.held(heir), list(range(10)))

    def test_numbers_are_said_in_short(self) -> None:
        self.assertEqual(numbers([3, 1, 2, 7]), "partitions 1-3, 7")
