"""Emitters: delivery, callbacks, transactions, and what they refuse."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.test import TestCase

from notifications_counter.contrib.streams import Delivery, Emitter
from notifications_counter.contrib.streams.exceptions import DeliveryFailed, InvalidMessage, UnknownTopic
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.base import Record
from notifications_counter.contrib.streams.partitioners import murmur2
from notifications_counter.exceptions import InvalidSettings

from .base import TOPIC, StreamsTestCase, everything


class EmitterTests(StreamsTestCase):
    def found(self) -> list[Record]:
        return [record for records in everything(self.log, TOPIC).values() for record in records]

    def keys(self) -> list[str | None]:
        return sorted((record.key or "") for record in self.found())

    def test_emit_sync_says_where_the_message_is(self) -> None:
        emitter = Emitter(TOPIC, str)
        partition = murmur2("user-3", self.partitions)
        self.assertEqual(emitter.emit_sync("user-3", "/"), Delivery(TOPIC, partition, 0))
        self.assertEqual(emitter.emit_sync("user-3", "/"), Delivery(TOPIC, partition, 1))
        self.assertEqual([record.value for record in everything(self.log, TOPIC)[partition]], [b"/", b"/"])

    def test_messages_are_there_after_finish_each_key_in_its_order(self) -> None:
        with Emitter(TOPIC, int) as emitter:
            for number in range(300):
                emitter.emit(f"user-{number % 7}", number)
        by_key: dict[str | None, list[bytes | None]] = {}
        for record in self.found():
            by_key.setdefault(record.key, []).append(record.value)
        for place in range(7):
            self.assertEqual(by_key[f"user-{place}"], [b"%d" % number for number in range(place, 300, 7)])

    def test_a_callback_is_told_where_its_message_is(self) -> None:
        told: list[Any] = []
        with Emitter(TOPIC) as emitter:
            emitter.emit("user-3", "/", callback=lambda *said: told.append(said))
        self.assertEqual(told, [(Delivery(TOPIC, murmur2("user-3", self.partitions), 0), None)])

    def test_a_callback_that_fails_harms_no_other_message(self) -> None:
        told: list[Any] = []
        with self.assertLogs("notifications_counter", "ERROR"), Emitter(TOPIC) as emitter:
            emitter.emit("user-1", "/", callback=lambda *said: 1 / 0)
            emitter.emit("user-2", "/", callback=lambda *said: told.append(said))
        self.assertEqual(len(told), 1)
        self.assertEqual(self.keys(), ["user-1", "user-2"])

    def test_what_could_not_be_delivered_is_told_to_the_callback_else_raised_by_finish(self) -> None:
        told: list[Any] = []
        emitter = Emitter("nobody")
        with self.assertLogs("notifications_counter", "ERROR"):
            emitter.emit("user-1", "/", callback=lambda *said: told.append(said))
            emitter.finish()
            emitter.emit("user-1", "/")
            with self.assertRaisesMessage(DeliveryFailed, "stream_topics nobody"):
                emitter.finish()
        self.assertIsInstance(told[0][1], UnknownTopic)
        emitter.finish()  # said once

    def test_an_emitter_serves_several_threads_and_goes_on_after_a_while_without_work(self) -> None:
        emitter = Emitter(TOPIC)
        threads = [threading.Thread(target=emitter.emit, args=(f"user-{number}", "/")) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        emitter.finish()
        worker = emitter._thread
        assert worker is not None
        worker.join(10)
        self.assertFalse(worker.is_alive())
        emitter.emit("user-9", "/")
        emitter.finish()
        self.assertEqual(len(self.found()), 9)

    # Transactions

    def test_in_a_transaction_it_emits_with_the_commit_and_reports_after_it(self) -> None:
        told: list[Any] = []
        emitter = Emitter(TOPIC)
        with transaction.atomic():
            emitter.emit("user-3", "/", callback=lambda *said: told.append(said))
            self.assertEqual((self.keys(), told), ([], []))
        self.assertEqual(self.keys(), ["user-3"])
        self.assertEqual(told, [(Delivery(TOPIC, murmur2("user-3", self.partitions), 0), None)])

    def test_a_rollback_takes_messages_back_also_one_to_a_savepoint(self) -> None:
        emitter = Emitter(TOPIC)
        with transaction.atomic():
            emitter.emit("user-1", "/")
            with transaction.atomic():
                emitter.emit("user-2", "/")
                transaction.set_rollback(True)
            with transaction.atomic():
                emitter.emit("user-3", "/")
        with transaction.atomic():
            emitter.emit("user-4", "/")
            transaction.set_rollback(True)
        self.assertEqual(self.keys(), ["user-1", "user-3"])

    def test_a_commit_that_fails_emits_nothing_and_a_message_that_cannot_be_appended_fails_the_commit(self) -> None:
        with self.assertRaises(UnknownTopic), transaction.atomic():
            Emitter(TOPIC).emit("user-1", "/")
            Emitter("zzz-nobody").emit("user-1", "/")
        self.assertEqual(self.keys(), [])

    def test_emit_sync_in_a_transaction_belongs_to_it_and_comes_behind_what_was_emitted_before(self) -> None:
        emitter = Emitter(TOPIC)
        with transaction.atomic():
            emitter.emit("user-3", "first")
            self.assertEqual(emitter.emit_sync("user-3", "second").offset, 1)
            emitter.emit("user-3", "third")
        self.assertEqual([record.value for record in self.found()], [b"first", b"second", b"third"])
        with transaction.atomic():
            emitter.emit_sync("user-3", "fourth")
            transaction.set_rollback(True)
        self.assertEqual(len(self.found()), 3)

    def test_transactions_that_emit_to_many_partitions_in_any_order_do_not_block_each_other(self) -> None:
        emitter = Emitter(TOPIC)
        failed: list[BaseException] = []

        def emit(numbers: list[int]) -> None:
            try:
                for _ in range(10):
                    with transaction.atomic():
                        for number in numbers:
                            emitter.emit(f"user-{number}", "/")
            except BaseException as error:
                failed.append(error)
            finally:
                connection.close()

        orders = [list(range(10)), list(range(9, -1, -1))]
        threads = [threading.Thread(target=emit, args=(order,)) for order in orders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(len(self.found()), 200)

    # What is refused

    def test_what_cannot_be_a_message_is_refused_before_anything_is_emitted(self) -> None:
        emitter = Emitter(TOPIC, int)
        bad: list[tuple[Any, Any, dict[str, Any]]] = [
            (3, 1, {}),
            (None, 1, {}),
            ("a\0", 1, {}),
            ("\ud800", 1, {}),
            ("user", "text", {}),
            ("user", 1, {"headers": {"id": 3}}),
            ("user", 1, {"timestamp": datetime(2026, 1, 1)}),  # noqa: DTZ001
            ("user", 1, {"timestamp": -1}),
        ]
        for key, value, more in bad:
            with self.subTest(key=key, value=value, **more):
                with self.assertRaises(InvalidMessage):
                    emitter.emit(key, value, **more)
                with self.assertRaises(InvalidMessage):
                    emitter.emit_sync(key, value, **more)
        self.assertEqual(self.found(), [])
        with self.assertRaisesMessage(InvalidSettings, "no codec"):
            Emitter(TOPIC, "yaml")

    def test_headers_timestamp_and_tombstone_are_kept(self) -> None:
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        Emitter(TOPIC).emit_sync("user-3", None, headers={"id": "7", "raw": b"\xff"}, timestamp=moment)
        (record,) = self.found()
        self.assertEqual(record, Record(0, "user-3", None, 1767225600000, (("id", b"7"), ("raw", b"\xff"))))


class EmitterInTestCaseTests(TestCase):
    def test_in_a_test_case_whose_transaction_never_commits_messages_are_there_at_once(self) -> None:
        log = get_log()
        log.create_topic(TOPIC, 2)
        Emitter(TOPIC).emit("user-3", "/")
        self.assertEqual(sum(log.ends(TOPIC).values()), 1)
