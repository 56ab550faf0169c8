"""Clicks by message, through a real RabbitMQ: each counts once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import uuid
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, ClassVar

import kombu
from amqp.exceptions import PreconditionFailed
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import RequestFactory, tag

from notifications_counter.contrib.clicks import process_clicks, record, record_many, send_increment_clicks
from notifications_counter.contrib.clicks.consuming import Consumed, Consumer
from notifications_counter.contrib.clicks.kept import keep
from notifications_counter.contrib.clicks.models import Click, ClickDay, CountedClick, KeptClick, day_of
from notifications_counter.contrib.clicks.once import count_once, forget_ids
from notifications_counter.contrib.clicks.publishing import publisher
from notifications_counter.contrib.clicks.recording import ClickEvent
from notifications_counter.contrib.clicks.tasks import process_clicks as task
from notifications_counter.exceptions import BrokerUnavailable
from notifications_counter.flushing import flush_all
from tests.management.test_schedulers import stop
from tests.support.base import ROOT, CounterTestCase, child_environment
from tests.support.rabbitmq import (
    AMQP_URL,
    connected,
    delete,
    needs_rabbitmq,
    needs_rabbitmq_programs,
    rabbitmq,
    ready,
    with_broker,
)
from tests.support.servers import HOST, free_port, valkey

URL = "https://example.com/"
OTHER = "https://example.com/other"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def clicks(url: str = URL) -> tuple[int, int]:
    """As the row has them: of people, of programs."""
    return Click.objects.filter(url=url).values_list("click_count", "bot_count").first() or (0, 0)


def event(url: str = URL, **more: Any) -> ClickEvent:
    return ClickEvent(**{"id": uuid.uuid4().hex, "url": url, "is_bot": False, "at": datetime.now(UTC), **more})


class BrokerTestCase(CounterTestCase):
    """With an exchange and queues of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.queue = f"clicks-{uuid.uuid4().hex[:12]}"
        self.enterContext(with_broker(queue=self.queue))
        self.addCleanup(delete, self.queue, f"{self.queue}.dead")
        self.addCleanup(publisher.__init__)
        self.addCleanup(publisher.close, politely=True)
        publisher.close()

    def send(self, body: Any, **more: Any) -> None:
        """As another program sends."""
        with connected() as connection, connection.channel() as channel:
            producer = kombu.Producer(channel, auto_declare=False)
            producer.publish(body, exchange=self.queue, routing_key="increment_click", **more)

    def dead(self) -> list[Any]:
        with connected() as connection, connection.channel() as channel:
            found = []
            while message := channel.basic_get(f"{self.queue}.dead", no_ack=True):
                found.append(message)
            return found


@needs_rabbitmq
class CountingTest(BrokerTestCase):
    def test_a_click_is_a_message_until_it_is_processed(self) -> None:
        made = record("HTTPS://Example.com:443")
        self.assertEqual((clicks(), Click.humans.value(URL)), ((0, 0), 0))
        self.assertEqual(process_clicks(), Consumed(counted=1))
        self.assertEqual((clicks(), Click.humans.value(URL)), ((1, 0), 1))
        self.assertEqual(ClickDay.objects.get(pk=(URL, day_of(made.at))).click_count, 1)
        self.assertEqual(ready(self.queue), 0)

    def test_clicks_of_people_and_programs_are_counted_side_by_side(self) -> None:
        record(URL, RequestFactory().get("/", headers={"User-Agent": CRAWLER}))
        send_increment_clicks(URL)
        send_increment_clicks(for_url=URL)
        process_clicks()
        self.assertEqual(clicks(), (2, 1))

    def test_many_clicks_at_once_are_as_many_messages(self) -> None:
        self.assertEqual(record_many([URL, OTHER] * 600), 1_200)
        self.assertEqual(KeptClick.objects.count(), 0)
        self.assertEqual(process_clicks().counted, 1_200)
        self.assertEqual((clicks(), clicks(OTHER)), ((600, 0), (600, 0)))

    def test_the_celery_task_counts_what_is_there(self) -> None:
        record(URL)
        self.assertEqual(task()["counted"], 1)
        self.assertEqual(clicks(), (1, 0))

    def test_a_message_that_comes_twice_counts_once(self) -> None:
        made = event()
        publisher.publish([made, event(OTHER)])
        publisher.publish([made])
        self.assertEqual(process_clicks(), Consumed(counted=2, duplicates=1))
        publisher.publish([made])
        self.assertEqual(process_clicks(), Consumed(duplicates=1))
        self.assertEqual((clicks(), clicks(OTHER)), ((1, 0), (1, 0)))

    def test_a_message_without_an_id_is_counted_in_a_figure_of_its_own(self) -> None:
        record(URL)
        self.send("http://EXAMPLE.com:80/plain", serializer="json")
        self.send("http://example.com/plain", content_type="text/plain", content_encoding="utf-8")
        self.assertEqual(process_clicks(), Consumed(counted=3, without_id=2))
        self.assertEqual(clicks("http://example.com/plain"), (2, 0))

    def test_an_address_with_an_id_of_another_program_counts_once(self) -> None:
        record(URL)
        for given in ("order 7", "order 7", str(uuid.uuid4())):
            self.send(OTHER, serializer="json", message_id=given)
        self.assertEqual(process_clicks(), Consumed(counted=3, duplicates=1))
        self.assertEqual(clicks(OTHER), (2, 0))

    def test_a_body_with_a_character_set_in_its_type_is_read(self) -> None:
        record(URL)
        body = json.dumps(event(OTHER).as_dict()).encode()
        self.send(body, content_type="application/json; charset=utf-8", content_encoding="binary")
        process_clicks()
        self.assertEqual(clicks(OTHER), (1, 0))

    def test_what_cannot_be_counted_is_put_aside_with_the_reason_and_keeps_nothing_else(self) -> None:
        record(URL)
        old = event(at=datetime.now(UTC) - timedelta(days=8)).as_dict()
        wrong = [
            (b"\xff\xfe", {"content_type": "application/json", "content_encoding": "binary"}),
            (b"{", {"content_type": "application/json", "content_encoding": "utf-8"}),
            ({"url": URL}, {"serializer": "json"}),
            ("javascript:alert(1)", {"serializer": "json"}),
            ({"a": 1}, {"serializer": "pickle"}),
            (old, {"serializer": "json"}),
        ]
        for body, more in wrong:
            self.send(body, **more)
        record(OTHER)
        with self.assertLogs("notifications_counter", "ERROR") as logs:
            self.assertEqual(process_clicks(), Consumed(counted=2, refused=len(wrong)))
        self.assertEqual(len(logs.output), len(wrong))
        dead = self.dead()
        self.assertEqual([message.body for message in dead[:2]], [b"\xff\xfe", "{"])
        self.assertIn("KEEP_IDS_DAYS", dead[-1].headers["x-refused"])
        self.assertEqual((clicks(), clicks(OTHER), ready(self.queue)), ((1, 0), (1, 0), 0))

    def test_the_queue_is_a_durable_quorum_queue_with_an_explicit_delivery_limit(self) -> None:
        record(URL)
        declared = {
            "x-queue-type": "quorum",
            "x-delivery-limit": 1_000_000,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": f"{self.queue}.dead",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        with connected() as connection:
            kombu.Queue(self.queue, durable=True, queue_arguments=declared)(connection.channel()).queue_declare()
            for other in ({"x-queue-type": "classic"}, {"x-delivery-limit": 20}):
                queue = kombu.Queue(self.queue, durable=True, queue_arguments={**declared, **other})
                with self.assertRaises(PreconditionFailed):
                    queue(connection.channel()).queue_declare()

    def test_a_queue_that_was_deleted_is_declared_again_by_the_next_click(self) -> None:
        record(URL)
        delete(self.queue)
        record(OTHER)
        self.assertEqual(KeptClick.objects.count(), 0)
        process_clicks()
        self.assertEqual(clicks(OTHER), (1, 0))

    def test_a_connection_that_the_broker_has_closed_costs_no_click(self) -> None:
        record(URL)
        assert publisher._broker and publisher._broker.socket
        publisher._broker.socket.shutdown(socket.SHUT_RDWR)
        record(URL)
        self.assertEqual(KeptClick.objects.count(), 0)
        process_clicks()
        self.assertEqual(clicks(), (2, 0))


@needs_rabbitmq
class ClassicQueueTest(BrokerTestCase):
    def setUp(self) -> None:
        super().setUp()
        with connected() as connection, connection.channel() as channel:
            exchange = kombu.Exchange(self.queue, "direct", durable=True)(channel)
            kombu.Queue(self.queue, exchange, "increment_click", durable=True)(channel).declare()

    def test_a_classic_queue_is_used_as_it_is_and_named_by_the_check(self) -> None:
        record(URL)
        with self.assertLogs("notifications_counter", "WARNING") as logs:
            self.assertEqual(process_clicks().counted, 1)
        self.assertIn(f"The queue '{self.queue}' is there already", logs.output[0])
        with connected() as connection, connection.channel() as channel:
            kombu.Queue(self.queue, durable=True)(channel).queue_declare()  # as it was
        out = StringIO()
        call_command("check", databases=["default"], stderr=out)
        self.assertIn("notifications_counter.W106", out.getvalue())
        self.assertIn("quorum", out.getvalue())


@needs_rabbitmq
class RefusingTest(BrokerTestCase):
    def test_a_click_that_the_queue_refuses_is_kept_in_the_database(self) -> None:
        with connected() as connection, connection.channel() as channel:
            full = {"x-max-length": 1, "x-overflow": "reject-publish"}
            exchange = kombu.Exchange(self.queue, "direct", durable=True)
            kombu.Queue(self.queue, exchange, "increment_click", durable=True, queue_arguments=full)(channel).declare()
        record(URL)
        with self.assertLogs("notifications_counter", "ERROR"):
            record_many([OTHER] * 3)
        self.assertEqual((ready(self.queue), KeptClick.objects.count()), (1, 3))
        process_clicks()
        self.assertEqual((clicks(), clicks(OTHER)), ((1, 0), (3, 0)))

    def test_while_the_database_is_away_the_consumer_waits_and_takes_nothing(self) -> None:
        record(URL)
        stopping, table = threading.Event(), CountedClick._meta.db_table
        consumer = Consumer(stopping, report=lambda done: stopping.set())

        def rename(old: str, new: str) -> None:
            with connection.schema_editor() as editor:
                editor.alter_db_table(CountedClick, old, new)

        rename(table, "away")
        timer = threading.Timer(4, rename, ("away", table))
        try:
            with self.assertLogs("notifications_counter", "WARNING") as logs:
                timer.start()
                consumer.run()
        finally:
            timer.join()
        self.assertEqual(clicks(), (1, 0))
        self.assertEqual(len(logs.output), 2, logs.output)


class AwayTest(CounterTestCase):
    """No broker answers."""

    def setUp(self) -> None:
        super().setUp()
        self.url = f"amqp://somebody:very-secret@{HOST}:{free_port()}//"
        self.enterContext(with_broker(self.url, TIMEOUT=0.5))
        self.addCleanup(publisher.__init__)

    def test_the_database_keeps_clicks_and_a_flush_counts_them(self) -> None:
        with self.assertLogs("notifications_counter", "ERROR") as logs:
            record(URL)
        self.assertNotIn("secret", str(logs.output))
        record(URL)
        record(OTHER, RequestFactory().get("/", headers={"User-Agent": CRAWLER}))
        self.assertEqual(KeptClick.objects.count(), 3)
        flush_all()
        self.assertEqual((clicks(), clicks(OTHER), KeptClick.objects.count()), ((2, 0), (0, 1), 0))
        self.assertEqual(Click.humans.value(URL), 2)

    def test_process_clicks_counts_what_the_database_has_kept_and_says_that_no_broker_answers(self) -> None:
        keep([event()])
        with self.assertRaises(BrokerUnavailable) as raised:
            process_clicks()
        self.assertNotIn("secret", str(raised.exception))
        self.assertEqual(clicks(), (1, 0))

    def test_a_broker_that_accepts_and_never_answers_costs_no_more_than_the_time_out(self) -> None:
        with socket.create_server((HOST, 0)) as server:
            with_it = with_broker(f"amqp://{HOST}:{server.getsockname()[1]}//", TIMEOUT=0.3)
            with with_it, self.assertLogs("notifications_counter", "ERROR"):
                began = time.monotonic()
                record(URL)
                first = time.monotonic() - began
                record(URL)
        self.assertLess(first, 1.5)
        self.assertLess(time.monotonic() - began - first, 0.2)  # it is left alone for a while
        self.assertEqual(KeptClick.objects.count(), 2)

    def test_the_command_says_so_without_the_password(self) -> None:
        with self.assertRaises(CommandError) as raised:
            call_command("notification_consume", once=True)
        self.assertIn("cannot be used", str(raised.exception))
        self.assertNotIn("secret", str(raised.exception))

    def test_the_check_says_so_without_the_password(self) -> None:
        out = StringIO()
        call_command("check", databases=["default"], stderr=out)
        self.assertIn("notifications_counter.W105", out.getvalue())
        self.assertNotIn("secret", out.getvalue())


@unittest.skipUnless(connection.vendor == "sqlite", "asks no database: it runs with SQLite only")
class SettingsTest(CounterTestCase):
    databases: ClassVar[set[str]] = {"default", "other"}  # on Django 6.1 a check asks each SQLite

    def said(self, program: str) -> str:
        """What a process says in which a package is missing."""
        start = "import django; django.setup()\n"
        environment = child_environment(
            DJANGO_SETTINGS_MODULE="tests.clicks.broker_settings",
            NC_BROKER="amqp://a:very-secret@h//",
            NC_CLICKS_QUEUE="q",
        )
        done = subprocess.run(
            [sys.executable, "-c", program.replace("SETUP", start)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        self.assertNotIn("secret", done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_without_kombu_checks_and_clicks_name_the_extra(self) -> None:
        hidden = "import sys; sys.modules['kombu'] = None\nSETUP"
        for program in (
            "from django.core.management import call_command; call_command('check')",
            "from notifications_counter.contrib.clicks import record; record('https://example.com/')",
            "from django.core.management import call_command; call_command('notification_consume', once=True)",
        ):
            self.assertIn("python -m pip install '.[amqp]'", self.said(hidden + program))

    def test_without_celery_the_task_says_which_extra_sends_it(self) -> None:
        program = (
            "import sys; sys.modules['celery'] = None\nSETUP"
            "from notifications_counter.contrib.clicks.tasks import process_clicks; process_clicks.delay()"
        )
        self.assertIn("python -m pip install '.[celery]'", self.said(program))

    def test_wrong_settings_are_refused_without_the_password(self) -> None:
        for url, more in (
            ("nothing://a:very-secret@host//", {}),
            ("very-secret", {}),
            ("amqp://a:very-secret@host//", {"TIMEOUT": 0}),
            ("amqp://a:very-secret@host//", {"QUEUE": "a b"}),
            ("amqp://a:very-secret@host//", {"KEEP_IDS_DAYS": 0}),
        ):
            with self.subTest(url, **more), with_broker(url, **more):
                with self.assertRaises(SystemCheckError) as raised:
                    call_command("check")
                self.assertIn("CLICKS", str(raised.exception))
                self.assertNotIn("secret", str(raised.exception))

    def test_the_task_has_the_name_of_the_article(self) -> None:
        self.assertEqual(task.name, "notifications_counter.contrib.clicks.tasks.process_clicks")


class OnceTest(CounterTestCase):
    def test_clicks_that_the_database_kept_and_a_broker_has_too_count_once(self) -> None:
        both, kept = event(), event()
        self.assertEqual(count_once([both]), 1)
        keep([both, kept, both])
        flush_all()
        self.assertEqual((clicks(), KeptClick.objects.count()), ((2, 0), 0))
        self.assertEqual(count_once([both, kept, kept]), 0)

    def test_ids_are_forgotten_when_no_message_of_theirs_is_taken_any_more(self) -> None:
        now = datetime.now(UTC)
        days = [9, 8.1, 7.9, 7, 0]
        count_once([event(at=now - timedelta(days=number)) for number in days])
        self.assertEqual(forget_ids(), 2)
        self.assertEqual(CountedClick.objects.count(), 3)

    def test_no_id_is_forgotten_that_is_as_old_as_a_click_that_is_still_kept(self) -> None:
        now = datetime.now(UTC)
        count_once([event(at=now - timedelta(days=number)) for number in (30, 9)])
        keep([event(at=now - timedelta(days=20))])
        self.assertEqual(forget_ids(), 1)


@tag("long")
@needs_rabbitmq
class ConsumerTest(BrokerTestCase):
    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = child_environment(
            DJANGO_SETTINGS_MODULE="tests.clicks.broker_settings", NC_BROKER=AMQP_URL, NC_CLICKS_QUEUE=self.queue
        )
        command = [sys.executable, "-m", "django", "notification_consume", "--skip-checks", *arguments]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait_until(self, condition: Any, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, f"not within {seconds} s: {clicks()}")
            time.sleep(0.05)

    def test_the_command_counts_what_is_there_and_ends(self) -> None:
        record_many([URL] * 3)
        self.send(OTHER, serializer="json")
        out, err = self.start("--once").communicate(timeout=60)
        self.assertEqual((out, err), ("Clicks: 4 counted, 1 of these without an id.\n", ""))
        self.assertEqual((clicks(), clicks(OTHER)), ((3, 0), (1, 0)))

    def test_the_command_counts_what_comes_and_ends_cleanly_when_it_is_told_to(self) -> None:
        record(URL)
        consumer = self.start()
        try:
            self.wait_until(lambda: clicks() == (1, 0))
            record(URL)
            self.wait_until(lambda: clicks() == (2, 0))
            consumer.send_signal(signal.SIGTERM)
            out, err = consumer.communicate(timeout=20)
        finally:
            stop(consumer)
        self.assertEqual((consumer.returncode, out, err), (0, "Clicks: 2 counted.\n", ""))

    def test_clicks_that_keep_coming_one_by_one_are_counted_meanwhile(self) -> None:
        consumer, end = self.start(), time.monotonic() + 30
        try:
            while clicks() == (0, 0):
                self.assertLess(time.monotonic(), end)
                record(URL)
                time.sleep(0.1)
        finally:
            stop(consumer)
        consumer.communicate()

    def test_the_command_that_is_killed_leaves_nothing_uncounted_and_nothing_counted_twice(self) -> None:
        record_many([URL] * 5_000)
        consumer = self.start()
        self.wait_until(lambda: clicks()[0] > 0)
        os.kill(consumer.pid, signal.SIGKILL)
        consumer.communicate()
        self.assertLess(clicks()[0], 5_000)
        self.wait_until(lambda: (process_clicks(), clicks() == (5_000, 0))[1])

    def test_after_an_error_of_its_channel_the_consumer_goes_on_with_a_new_connection(self) -> None:
        record(URL)
        consumer = self.start()
        try:
            self.wait_until(lambda: clicks() == (1, 0))
            delete(self.queue)
            time.sleep(1)
            record(URL)
            self.wait_until(lambda: clicks() == (2, 0))
            self.assertIsNone(consumer.poll())
        finally:
            stop(consumer)
        self.assertEqual(KeptClick.objects.count(), 0)
        consumer.communicate()

    def test_a_consumer_whose_queue_is_deleted_and_comes_back_goes_on_with_a_new_connection(self) -> None:
        """RabbitMQ tells a consumer that its queue was deleted, but not if it is back at once."""
        record(URL)
        stopping = threading.Event()
        consumer = Consumer(stopping, quiet=2)
        seen: list[int] = []

        def report(done: Consumed) -> None:
            seen.append(done.counted)
            if len(seen) == 1:
                delete(self.queue)
                publisher.close()
                record(URL)
            else:
                stopping.set()

        consumer.report = report
        timer = threading.Timer(30, stopping.set)
        timer.start()
        try:
            consumer.run()
        finally:
            timer.cancel()
        self.assertEqual(seen, [1, 2])
        self.assertEqual(clicks(), (2, 0))


@unittest.skipIf(connection.vendor == "mysql", "starts a server of its own: it runs on the other databases only")
@tag("long")
@needs_rabbitmq_programs
class PausedTest(CounterTestCase):
    def test_a_click_that_is_not_confirmed_in_time_and_arrives_all_the_same_counts_once(self) -> None:
        with rabbitmq() as server, with_broker(server.url, TIMEOUT=2):
            self.addCleanup(publisher.__init__)
            record(URL)
            with server.paused(), self.assertLogs("notifications_counter", "ERROR"):
                began = time.monotonic()
                record(URL)
                self.assertLess(time.monotonic() - began, 5)
            self.assertEqual(KeptClick.objects.count(), 1)
            publisher.__init__()  # the broker is not left alone any more
            record(URL)
            self.assertEqual(KeptClick.objects.count(), 1)
            done = process_clicks()
            self.assertEqual((done.counted, clicks()), (3, (3, 0)))
            self.assertEqual(done.duplicates, 1)
            publisher.close(politely=True)


@needs_rabbitmq
class ForkTest(BrokerTestCase):
    def test_a_process_that_is_forked_off_and_ends_leaves_the_connection_of_its_parent_alone(self) -> None:
        record(URL)
        kept = publisher._broker
        child = os.fork()
        if child == 0:  # one that records nothing, but collects its garbage
            import gc

            gc.collect()
            os._exit(0)
        os.waitpid(child, 0)
        record(URL)
        self.assertIs(publisher._broker, kept)
        self.assertEqual(ready(self.queue), 2)


@tag("long")
class RedisTransportTest(CounterTestCase):
    def test_clicks_go_through_redis_too(self) -> None:
        with valkey() as url, with_broker(url):
            self.addCleanup(publisher.__init__)
            record(URL)
            record_many([OTHER] * 700)
            self.assertEqual(process_clicks(), Consumed(counted=701))
            self.assertEqual((clicks(), clicks(OTHER)), ((1, 0), (700, 0)))
            publisher.close()
