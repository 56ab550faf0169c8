"""What Celery and other transports of Kombu's do on valid input, and what this package therefore does not rely on.

When one of these fails after an upgrade, something has been mended, and a row of ``docs/clicks-by-message.rst`` is old.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kombu
from celery import Celery
from celery.contrib.django.task import DjangoTask
from celery.schedules import crontab
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import SimpleTestCase, TransactionTestCase

from tests.support.rabbitmq import AMQP_URL, delete, needs_rabbitmq, ready
from tests.support.servers import free_port

from .test_brokers import BrokersTestCase

#: Celery delays tasks of quorum queues by itself, where the exchange is no direct one.
WORKER = """
from celery import Celery
from kombu import Exchange, Queue

arguments = {{"x-queue-type": "quorum"}}
app = Celery("facts", broker={url!r}, set_as_current=False)
app.conf.task_default_queue = {name!r}
app.conf.task_queues = [Queue({name!r}, Exchange({name!r}, "topic"), {name!r}, queue_arguments=arguments)]
app.conf.update(task_default_exchange={name!r}, task_default_exchange_type="topic", task_default_routing_key={name!r})


@app.task(bind=True, name="again", shared=False)
def again(self, countdown):
    raise self.retry(countdown=countdown)
"""

TAKEN = """
import os, signal
import kombu

message = kombu.Connection({url!r}, transport_options={options!r}).channel().basic_get({name!r})
if message:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@needs_rabbitmq
class QuorumQueueFactsTest(BrokersTestCase):
    def setUp(self) -> None:
        super().setUp()
        # What Celery delays tasks by, on quorum queues.
        names = [f"celery_delayed_{bit}" for bit in range(28)]
        self.addCleanup(delete, self.name, "celery_delayed_delivery", *names)

        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        module = WORKER.format(url=AMQP_URL, name=self.name)
        (self.directory / "facts.py").write_text(module)
        found: dict[str, Any] = {"__name__": "facts"}
        exec(module, found)
        self.app: Celery = found["app"]
        self.addCleanup(self.app.close)

    def test_a_countdown_below_a_second_raises(self) -> None:
        for countdown in (0.5, 0.99):
            with self.subTest(countdown), self.assertRaisesRegex(ValueError, "must be a positive number"):
                self.app.send_task("again", [0], countdown=countdown)

    def test_a_retry_with_a_countdown_below_a_second_loses_the_task(self) -> None:
        self.app.send_task("again", [0.5])
        log = self.directory / "log"
        command = [sys.executable, "-m", "celery", "-A", "facts", "worker", "-P", "solo", "-l", "info"]
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        with log.open("w") as written:
            worker = subprocess.Popen(command, cwd=self.directory, env=environment, stdout=written, stderr=written)
        try:
            end = time.monotonic() + 60
            while "must be a positive number" not in log.read_text():
                self.assertLess(time.monotonic(), end, log.read_text())
                time.sleep(0.2)
            time.sleep(1)
        finally:
            worker.kill()
            worker.wait()
        time.sleep(1)  # until what the worker held would have come back
        self.assertEqual((log.read_text().count("] received"), ready(self.name)), (1, 0))


@unittest.skipUnless(connection.vendor == "sqlite", "asks Celery alone: it runs with SQLite only")
class ScheduleFactsTest(SimpleTestCase):
    def longest_pause(self, zone: str, since: datetime) -> timedelta:
        """Between two runs of what is to run each minute, on a day, as beat decides on it."""
        app = Celery("facts", set_as_current=False)
        app.conf.timezone = zone
        now = since
        schedule = crontab(minute="*", app=app, nowfun=lambda: now.astimezone(app.timezone))
        last, pauses = now, [timedelta()]
        while now < since + timedelta(hours=6):
            now += timedelta(minutes=1)
            if schedule.is_due(last).is_due:
                pauses.append(now - last)
                last = now
        return max(pauses)

    def test_a_crontab_with_a_zone_that_has_summer_time_pauses_for_61_minutes_in_autumn(self) -> None:
        autumn = datetime(2026, 10, 24, 22, 0, 30, tzinfo=UTC)
        self.assertEqual(self.longest_pause("Europe/Berlin", autumn), timedelta(minutes=61))
        self.assertEqual(self.longest_pause("UTC", autumn), timedelta(minutes=1))
        self.assertEqual(self.longest_pause("Europe/Berlin", autumn - timedelta(days=1)), timedelta(minutes=1))


@unittest.skipUnless(connection.vendor == "sqlite", "asks Celery alone: it runs with SQLite only")
class CommitFactsTest(TransactionTestCase):
    def test_delay_on_commit_raises_after_the_commit_while_the_broker_is_away(self) -> None:
        app = Celery("facts", broker=f"amqp://127.0.0.1:{free_port()}//", set_as_current=False)
        app.conf.task_publish_retry = False
        self.addCleanup(app.close)

        @app.task(name="anything", base=DjangoTask, shared=False)
        def task() -> None:
            pass

        with self.assertRaises(kombu.exceptions.OperationalError), transaction.atomic():
            Group.objects.create(name="committed")
            task.delay_on_commit()
        self.assertTrue(Group.objects.filter(name="committed").exists())


@unittest.skipUnless(connection.vendor == "sqlite", "asks transports alone: it runs with SQLite only")
class OtherTransportsFactsTest(BrokersTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = self.enterContext(tempfile.TemporaryDirectory())

    def options_for(self, url: str) -> dict[str, str]:
        names = ("data_folder_in", "data_folder_out", "control_folder")
        return dict.fromkeys(names, self.directory) if url.startswith("filesystem") else {}

    def test_files_and_sqlalchemy_lose_what_a_consumer_held_that_was_killed(self) -> None:
        for url in ("filesystem://", f"sqla+sqlite:///{self.directory}/queue.sqlite3"):
            with self.subTest(url):
                options = self.options_for(url)
                with kombu.Connection(url, transport_options=options) as sending:
                    channel = sending.channel()
                    kombu.Queue(self.name)(channel).declare()
                    self.publish(channel)
                killed = subprocess.run([sys.executable, "-c", TAKEN.format(url=url, options=options, name=self.name)])
                self.assertEqual(killed.returncode, -signal.SIGKILL)
                with kombu.Connection(url, transport_options=options) as another:
                    self.assertIsNone(another.channel().basic_get(self.name))

    def test_memory_is_that_of_one_process(self) -> None:
        command = "import kombu; c = kombu.Connection('memory://').channel(); q = kombu.Queue({0!r})(c); q.declare();"
        command += " kombu.Producer(c).publish('x', routing_key={0!r}); assert q.get()"
        subprocess.run([sys.executable, "-c", command.format(self.name)], check=True)
        channel = kombu.Connection("memory://").channel()
        queue = kombu.Queue(self.name)(channel)
        queue.declare()
        self.assertIsNone(queue.get())
