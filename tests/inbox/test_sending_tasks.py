"""Sending in another process: a Celery worker with RabbitMQ, and Django's own tasks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import contextmanager

import django
from django.contrib.auth.models import Group, User
from django.test import override_settings, tag

from notifications_counter.exceptions import InvalidNotification, InvalidRecipients, MissingExtra
from notifications_counter.inbox import tasks
from notifications_counter.inbox.recipients import Named
from notifications_counter.inbox.tasks import send_notifications, task_arguments
from notifications_counter.models import Notification
from tests.management.test_schedulers import AMQP_URL, IN_CI, ONCE, stop
from tests.support.base import ROOT, CounterTestCase, child_environment
from tests.testapp.models import Ticket


def run(arguments):
    """As a worker that has got the message."""
    return send_notifications(**json.loads(json.dumps(arguments)))


class TaskTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(3)

    def receivers(self):
        return sorted(Notification.objects.values_list("user__username", flat=True))


class ArgumentsTest(TaskTestCase):
    def test_a_task_sends_all_that_notify_would(self):
        one, ada, _ = self.users
        ticket = Ticket.objects.create()
        given = task_arguments(one, "Answered", kind="k", url="/x", actor=ada, target=ticket, data={"a": [1]})
        self.assertEqual(run(given), {"sent": 1, "already_sent": 0, "unwanted": 0, "unknown": 0})
        row = Notification.objects.get()
        self.assertEqual((row.user, row.text, row.kind, row.url), (one, "Answered", "k", "/x"))
        self.assertEqual((row.actor, row.target, row.data), (ada, ticket, {"a": [1]}))

    def test_each_kind_of_recipients_that_fits_into_a_message(self):
        group = Group.objects.create(name="g")
        group.user_set.add(self.users[1])
        for recipients, expected in (
            (self.users[0], ["user0"]),
            (self.users[2].pk, ["user2"]),
            (self.users[:2], ["user0", "user1"]),
            (group, ["user1"]),
            (Named("everyone"), ["user0", "user1", "user2"]),
        ):
            with self.subTest(repr(recipients)):
                Notification.objects.all().delete()
                run(task_arguments(recipients, "x"))
                self.assertEqual(self.receivers(), expected)
        self.assert_exact(self.users)

    def test_a_task_that_is_run_again_sends_nothing_twice(self):
        given = task_arguments(self.users, "x")
        run(given)
        self.assertEqual(run(given)["already_sent"], 3)
        self.assertNotEqual(given["key"], task_arguments(self.users, "x")["key"])
        self.assertEqual(len(self.receivers()), 3)

    def test_about_an_object_that_is_gone_nothing_is_sent_and_of_an_actor_who_is_gone_no_name(self):
        ticket, ada = Ticket.objects.create(), User.objects.create(username="ada")
        about, by = task_arguments(self.users, "x", target=ticket), task_arguments(self.users[0], "y", actor=ada)
        ticket.delete()
        ada.delete()
        self.assertEqual(run(about)["sent"], 0)
        run(by)
        self.assertIsNone(Notification.objects.get().actor)

    def test_a_group_that_is_gone_has_nobody(self):
        group = Group.objects.create(name="g")
        group.user_set.add(self.users[1])
        given = task_arguments(group, "x")
        group.delete()
        self.assertEqual(run(given)["sent"], 0)

    def test_what_is_wrong_is_said_to_the_caller(self):
        for error, recipients, more in (
            (InvalidNotification, self.users, {"url": "javascript:alert(1)"}),
            (InvalidNotification, self.users, {"key": ""}),
            (InvalidRecipients, "ada", {}),
            (InvalidRecipients, User.objects.all(), {}),
            (InvalidRecipients, Named("nobody"), {}),
            (InvalidRecipients, Group(name="unsaved"), {}),
        ):
            with self.subTest(repr(recipients), more=more), self.assertRaises(error):
                task_arguments(recipients, "x", **more)

    def test_without_celery_the_task_says_which_extra_sends_it(self):
        program = (
            "import sys; sys.modules['celery'] = None\n"
            "import django; django.setup()\n"
            "from notifications_counter.inbox.tasks import send_notifications\n"
            "try: send_notifications.delay()\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        environment = child_environment(DJANGO_SETTINGS_MODULE="tests.apps_settings")
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        self.assertIn(MissingExtra.__name__, done.stdout, done.stderr)


@unittest.skipUnless(django.VERSION >= (6, 0), "Django has tasks from 6.0 on")
class DjangoTaskTest(TaskTestCase):
    @override_settings(TASKS={"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}})
    def test_djangos_own_tasks_send(self):
        result = tasks.send_notifications_task.enqueue(**task_arguments(Named("everyone"), "x", data=[1, {"a": None}]))
        self.assertEqual(result.status.name, "SUCCESSFUL", result.errors)
        self.assertEqual(result.return_value["sent"], 3)
        self.assertEqual(self.receivers(), ["user0", "user1", "user2"])


@tag("long")
@unittest.skipUnless(AMQP_URL or IN_CI, "needs a RabbitMQ at AMQP_URL")
@unittest.skipUnless(ONCE, "a worker starts slowly: it runs with SQLite and the Redis buffer only")
class CeleryTest(TaskTestCase):
    @contextmanager
    def worker(self, queue):
        environment = child_environment(NC_QUEUE=queue, DJANGO_SETTINGS_MODULE="tests.apps_settings")
        alone = ["-n", f"{queue}-{time.monotonic()}", "--pool=solo", "--without-gossip", "--without-mingle"]
        command = [sys.executable, "-m", "celery", "-A", "tests.support.celery_app", "worker", *alone, "-Q", queue]
        with tempfile.TemporaryFile("w+") as self.log:
            worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self.log, stderr=self.log)
            try:
                yield worker
            finally:
                stop(worker)

    def wait_for(self, number, seconds=60):
        end = time.monotonic() + seconds
        while Notification.objects.count() < number:
            if time.monotonic() > end:
                self.log.seek(0)
                self.fail(f"{Notification.objects.count()} of {number} within {seconds} s: {self.log.read()}")
            time.sleep(0.02)

    def test_a_worker_that_is_killed_is_followed_by_one_that_goes_on(self):
        from celery import Celery

        User.objects.bulk_create([User(username=f"many{place}") for place in range(20_000)])
        queue = f"inbox-{os.getpid()}"
        with self.worker(queue) as worker:
            with Celery(broker=AMQP_URL) as app:
                for name in ("a", "b"):
                    app.send_task(tasks.NAME, kwargs=task_arguments(Named("everyone"), name, key=name), queue=queue)
            self.wait_for(1)
            os.kill(worker.pid, signal.SIGKILL)
        began = Notification.objects.count()
        self.assertLess(began, 2 * User.objects.count())
        with self.worker(queue):
            self.wait_for(2 * User.objects.count())
            time.sleep(1)
        got = Notification.objects.values_list("user_id", "text")
        self.assertEqual(len(got), 2 * User.objects.count())
        self.assertEqual(len(set(got)), len(got))
