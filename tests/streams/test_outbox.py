"""The outbox, on a real Kafka: what was committed is emitted, whoever is killed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connections, transaction
from django.test import SimpleTestCase, TestCase, override_settings

from notifications_counter.contrib.streams import Emitter
from notifications_counter.contrib.streams.exceptions import DeliveryFailed
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.base import Record, everything_of
from notifications_counter.contrib.streams.models import Outbox
from notifications_counter.contrib.streams.outbox import send_left
from notifications_counter.contrib.streams.partitioners import fnv1a
from notifications_counter.exceptions import InvalidSettings

from ..support.base import ROOT, child_environment
from ..support.kafka import BACKEND, once
from ..support.walks import SEED, by_effort
from .kafka_case import KafkaTestCase
from .models import Seen, UserClicks

TIMEOUT = 1.0
KILLS = by_effort(3, 4, 100)


@once
class OutboxTests(KafkaTestCase):
    def setUp(self) -> None:
        super().setUp()
        logs = {"default": {"BACKEND": BACKEND, "OPTIONS": {"SERVERS": self.servers}}}
        self.streams = {"OUTBOX_TIMEOUT": TIMEOUT, "LOGS": logs}
        self.use(self.streams)

    def use(self, streams: dict[str, Any]) -> None:
        override = override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "STREAMS": streams})
        override.enable()
        self.addCleanup(override.disable)

    def start(self, prefix: str, rate: str) -> subprocess.Popen[str]:
        environment = {"DJANGO_SETTINGS_MODULE": "tests.apps_settings", "NC_STREAMS": json.dumps(self.streams)}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.streams.emit_by_outbox", self.topic, prefix, rate],
            cwd=ROOT,
            env=child_environment(**environment),
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        return process

    def values(self, records: list[Record] | None = None) -> list[str]:
        found = everything_of(self.log, self.topic) if records is None else records
        return [(record.value or b"").decode() for record in found]

    def test_a_process_that_is_killed_between_commit_and_send_loses_nothing(self) -> None:
        self.assertEqual(self.start("killed", "now").wait(60), -signal.SIGKILL)
        self.assertEqual(list(Seen.objects.values_list("message", flat=True)), ["killed-0"])
        self.assertEqual((self.values(), Outbox.objects.count()), ([], 1))
        self.assertEqual(send_left("default"), 0)  # it might be on its way still
        time.sleep(TIMEOUT + 0.1)
        call_command("notification_update_counter", stdout=StringIO())
        (record,) = everything_of(self.log, self.topic)
        self.assertEqual((record.key, record.value), ("user-0", b"killed-0"))
        self.assertEqual([name for name, _ in record.headers], ["from", "outbox-id"])
        self.assertFalse(Outbox.objects.exists())

    def test_a_processor_sends_what_was_left_and_counts_it(self) -> None:
        self.start("killed", "now").wait(60)
        time.sleep(TIMEOUT + 0.1)
        processor = self.processor(table=UserClicks)
        self.until(lambda: (self.run_once(processor), UserClicks.objects.exists())[1])
        self.assertEqual(UserClicks.counter.value("user-0"), 1)
        self.assertFalse(Outbox.objects.exists())

    def test_what_was_committed_is_emitted_though_processes_are_killed_at_random(self) -> None:
        pace = random.Random(SEED)
        left = 0
        for number in range(KILLS):
            process = self.start(str(number), "2000")
            assert process.stdout is not None
            self.assertTrue(process.stdout.readline())
            time.sleep(pace.uniform(0, 0.5))
            process.kill()
            process.communicate(timeout=30)
            left += Outbox.objects.count()
            time.sleep(TIMEOUT + 0.1)
            send_left("default")
        records = everything_of(self.log, self.topic)
        ids = {dict(record.headers)["outbox-id"]: record.value for record in records}
        committed = sorted(Seen.objects.values_list("message", flat=True))
        said = f"NC_SEED={SEED}: {len(committed)} committed, {left} left, {len(records) - len(ids)} sent twice"
        print(said, flush=True)
        self.assertEqual(sorted(value.decode() for value in ids.values() if value), committed, said)
        self.assertGreater(left, 0, said)
        self.assertFalse(Outbox.objects.exists())

    def test_a_message_is_sent_after_the_commit_and_its_row_is_gone_with_the_delivery(self) -> None:
        told: list[Any] = []
        with Emitter(self.topic, outbox=True) as emitter:
            with transaction.atomic():
                emitter.emit("ada", "/", callback=lambda *said: told.append(said))
                with transaction.atomic():
                    emitter.emit("ada", "/never")
                    transaction.set_rollback(True)
                time.sleep(0.2)
                self.assertEqual((self.values(), told), ([], []))
            with transaction.atomic():
                emitter.emit("ada", "/never")
                transaction.set_rollback(True)
            emitter.emit("ada", "/without a transaction")
        self.assertEqual(self.values(), ["/", "/without a transaction"])
        self.assertEqual(len(told), 1)
        self.assertFalse(Outbox.objects.exists())

    def test_what_the_brokers_do_not_take_is_told_and_stays_until_they_do(self) -> None:
        self.log.delete_topic(self.topic)
        emitter = Emitter(self.topic, outbox=True)
        with self.assertLogs("notifications_counter", "ERROR"):
            with transaction.atomic():
                emitter.emit("ada", "/", headers={"id": b"\xff"}, timestamp=1_700_000_000_000)
            with self.assertRaises(DeliveryFailed):
                emitter.finish()
        with self.assertLogs("notifications_counter", "WARNING") as logged:
            self.assertEqual(send_left("default"), 0)
        self.assertIn("1 messages stay in the outbox", logged.output[0])
        self.log.create_topic(self.topic, self.partitions)
        time.sleep(TIMEOUT + 0.1)
        self.assertEqual(send_left("default"), 1)
        (record,) = everything_of(self.log, self.topic)
        self.assertEqual((record.timestamp, record.headers[0]), (1_700_000_000_000, ("id", b"\xff")))

    def test_several_that_send_what_was_left_send_each_message_once(self) -> None:
        for number in range(40):
            Outbox.objects.create(
                uid=str(number),
                log="default",
                topic=self.topic,
                partitioner="murmur2",
                key=f"user-{number}",
                value=b"/",
                timestamp=1_700_000_000_000,
                claimed_until=0,
            )

        def send() -> None:
            try:
                send_left("default")
            finally:
                connections.close_all()

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.values()), 40)
        self.assertFalse(Outbox.objects.exists())

    def test_another_partitioner_is_found_by_the_process_that_sends(self) -> None:
        for given in ("fnv1a", fnv1a):
            Emitter(self.topic, outbox=True, partitioner=given)._stored([_waiting()])
        Outbox.objects.update(claimed_until=0)
        self.assertEqual(send_left("default"), 2)
        self.assertEqual(self.log.ends(self.topic)[fnv1a("user-3", self.partitions)], 2)


def _waiting() -> Any:
    emitter = Emitter("any")
    return type("Waiting", (), {"message": emitter._message("user-3", "/", None, None)})


class OutboxSettingsTests(SimpleTestCase):
    def test_a_partitioner_that_no_other_process_could_find_is_refused(self) -> None:
        with self.assertRaisesMessage(InvalidSettings, "is no function of a module"):
            Emitter("user-clicks", outbox=True, partitioner=lambda key, number: 0)


class OutboxInTheDatabaseTests(TestCase):
    def test_the_embedded_log_needs_no_rows(self) -> None:
        log = get_log()
        log.create_topic("user-clicks", 1)
        Emitter("user-clicks", outbox=True).emit("ada", "/")
        self.assertEqual(log.ends("user-clicks"), {0: 1})
        self.assertFalse(Outbox.objects.exists())
