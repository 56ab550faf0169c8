"""The embedded log: the contract of logs, and what is its own."""

from __future__ import annotations

import threading
import time

from django.db import connection, connections, transaction

from notifications_counter.contrib.streams.exceptions import OffsetGone
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.base import Log

from ..support.base import CounterTestCase
from .base import everything, message
from .log_contract import LogContract


class EmbeddedLogTests(LogContract, CounterTestCase):
    def make_log(self) -> Log:
        return get_log()

    def test_what_is_appended_in_a_transaction_is_rolled_back_with_it_and_its_offset_is_given_again(self) -> None:
        with transaction.atomic():
            self.assertEqual(self.log.append(self.topic, [message(0, "ada")]), [0])
            transaction.set_rollback(True)
        self.assertEqual(self.log.ends(self.topic)[0], 0)
        self.assertEqual(self.log.append(self.topic, [message(0, "ben")]), [0])
        self.assertEqual([record.key for record in everything(self.log, self.topic)[0]], ["ben"])

    def test_a_writer_that_commits_later_gets_the_later_offset(self) -> None:
        if connection.vendor == "sqlite":
            self.skipTest("SQLite has one writer at a time")
        appended, commit = threading.Event(), threading.Event()
        slow = threading.Thread(target=self._append_and_wait, args=(appended, commit))
        slow.start()
        appended.wait(10)
        offsets: list[int] = []
        quick = threading.Thread(target=lambda: (offsets.extend(self._append()), connections.close_all()))
        quick.start()
        time.sleep(0.3)
        self.assertEqual(offsets, [])  # it waits for the one before it
        self.assertEqual(self.log.ends(self.topic)[0], 0)
        commit.set()
        slow.join()
        quick.join()
        self.assertEqual(offsets, [1])
        self.assertEqual([record.key for record in everything(self.log, self.topic)[0]], ["slow", "quick"])

    def _append(self) -> list[int]:
        return self.log.append(self.topic, [message(0, "quick")])

    def _append_and_wait(self, appended: threading.Event, commit: threading.Event) -> None:
        with transaction.atomic():
            self.log.append(self.topic, [message(0, "slow")])
            appended.set()
            commit.wait(10)
        connections.close_all()

    def test_a_trim_deletes_what_is_old_up_to_what_must_stay(self) -> None:
        self.log.append(self.topic, [message(0, "ada", timestamp=moment) for moment in (1, 2, 3, 2, 9)])
        self.log.append(self.topic, [message(1, "ada", timestamp=moment) for moment in (1, 1, 1)])
        self.assertEqual(self.log.trim(self.topic, 3, {1: 1}), 3)
        self.assertEqual(self.log.begins(self.topic), {0: 2, 1: 1, 2: 0})
        found = everything(self.log, self.topic)
        self.assertEqual([record.offset for record in found[0]], [2, 3, 4])
        self.assertEqual([record.offset for record in found[1]], [1, 2])
        self.assertEqual(self.log.trim(self.topic, 3, {1: 1}), 0)

    def test_a_trim_of_everything_goes_on_at_the_same_offset(self) -> None:
        self.log.append(self.topic, [message(0, "ada") for _ in range(3)])
        self.assertEqual(self.log.trim(self.topic, 10, {}), 3)
        self.assertEqual(self.log.append(self.topic, [message(0, "ada")]), [3])
        self.assertEqual([record.offset for record in everything(self.log, self.topic)[0]], [3])

    def test_a_reader_of_what_was_trimmed_is_stopped_with_what_to_do(self) -> None:
        self.log.append(self.topic, [message(0, "ada") for _ in range(3)])
        self.log.trim(self.topic, 10, {})
        reader = self.log.reader("the-group")
        reader.assign(self.positions(p0=1))
        with self.assertRaisesMessage(OffsetGone, "begins at offset 3"):
            reader.poll(10, 1)
