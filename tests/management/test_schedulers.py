"""The entry points, each called by the real thing: cron, a Celery worker with RabbitMQ, Django's own tasks."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.db import connection
from django.test import override_settings, tag

from notifications_counter import cron, tasks
from notifications_counter.exceptions import FlushFailed, MissingExtra
from notifications_counter.ledger.tables import Delta
from tests.support.base import ROOT, CounterTestCase, child_environment, counter, notify

IN_CI = os.environ.get("CI") == "true"
ONCE = connection.vendor == "sqlite" and os.environ.get("NC_BUFFER") != "redis"
AMQP_URL = os.environ.get("AMQP_URL", "")


def stop(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:  # a worker that was still connecting
        process.kill()
        process.wait()


@contextmanager
def only_one_crontab() -> Iterator[None]:
    """Root has one crontab, and another run of these tests may be changing it."""
    with (Path(tempfile.gettempdir()) / "notifications_counter-crontab.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class SchedulerTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)

    def wait_until_flushed(self, seconds: float, said: Callable[[], str]) -> None:
        end = time.monotonic() + seconds
        while self.stored(self.user) is None:
            if time.monotonic() > end:
                self.fail(f"not flushed within {seconds} s: {said()}")
            time.sleep(0.1)


class FunctionTest(SchedulerTestCase):
    def test_each_entry_point_can_be_called(self) -> None:
        for number, update in enumerate((cron.update_counter, tasks.update_counter), 1):
            notify(self.user)
            update()
            self.assertEqual(self.stored(self.user), number)

    def test_a_run_without_failures_prints_nothing_that_cron_would_mail(self) -> None:
        notify(self.user)
        program = "import django; django.setup(); from notifications_counter import cron; cron.update_counter()"
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=child_environment(), capture_output=True, text=True
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.stored(self.user), 1)

    def test_each_fails_when_something_could_not_be_flushed(self) -> None:
        Delta.objects.create(counter=counter.label, key="nobody", amount=1)
        for call in (cron.update_counter, tasks.update_counter):
            with self.assertLogs("notifications_counter", "ERROR") as logs, self.assertRaises(FlushFailed):
                call()
            self.assertIn("'nobody'", logs.output[0])

    def test_without_celery_the_task_says_which_extra_sends_it(self) -> None:
        program = (
            "import sys; sys.modules['celery'] = None\n"
            "import django; django.setup()\n"
            "from notifications_counter.tasks import update_counter\n"
            "try: update_counter.delay()\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=child_environment(), capture_output=True, text=True
        )
        self.assertIn(MissingExtra.__name__, done.stdout, done.stderr)
        self.assertIn("python -m pip install '.[celery]'", done.stdout)


@tag("long")
@unittest.skipUnless(AMQP_URL or IN_CI, "needs a RabbitMQ at AMQP_URL")
@unittest.skipUnless(ONCE, "a worker starts slowly: it runs with SQLite and the database buffer only")
class CeleryTest(SchedulerTestCase):
    def test_a_worker_runs_the_task(self) -> None:
        from celery import Celery

        notify(self.user)
        queue = f"counter-{os.getpid()}"
        environment = child_environment(NC_QUEUE=queue)
        alone = ["-n", queue, "--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        command = [sys.executable, "-m", "celery", "-A", "tests.support.celery_app", "worker", *alone, "-Q", queue]
        with tempfile.TemporaryFile("w+") as log:
            worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
            try:
                with Celery(broker=AMQP_URL) as app:
                    app.send_task("notifications_counter.tasks.update_counter", queue=queue)
                    self.wait_until_flushed(60, lambda: f"{log.seek(0)}{log.read()}")
            finally:
                stop(worker)
        self.assertEqual(self.stored(self.user), 1)


@tag("long")
@unittest.skipUnless(shutil.which("crontab") or IN_CI, "needs cron")
@unittest.skipUnless(os.getuid() == 0, "cron is started by root")
@unittest.skipUnless(ONCE, "cron takes a minute: it runs with SQLite and the database buffer only")
class CronTest(SchedulerTestCase):
    """django-crontab's line, installed by its command and run by cron."""

    def test_cron_runs_the_line_that_django_crontab_installs(self) -> None:
        notify(self.user)
        with tempfile.TemporaryDirectory() as directory, only_one_crontab():
            manage = self.write_project(Path(directory))
            daemon = None
            try:
                self.crontab(manage, "add")
                daemon = self.start_cron()
                self.wait_until_flushed(150, lambda: self.read(Path(directory) / "log"))
            finally:
                self.crontab(manage, "remove")
                if daemon:
                    self.stop_cron(daemon)
        self.assertEqual(self.stored(self.user), 1)

    def read(self, log: Path) -> str:
        return log.read_text() if log.exists() else "cron did not run the line"

    def write_project(self, directory: Path) -> Path:
        """A manage.py that sets its own environment, of which cron leaves almost nothing."""
        names = {name: value for name, value in child_environment().items() if name.startswith("NC_")}
        manage = directory / "manage.py"
        manage.write_text(
            f"import os, sys\nsys.path.insert(0, {str(ROOT)!r})\nos.environ.update({names!r})\n"
            "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.support.cron_settings'\n"
            f"os.environ['NC_MANAGE'] = {str(manage)!r}\n"
            "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
        )
        return manage

    def cron_runs(self) -> bool:
        return subprocess.run(["pgrep", "-x", "cron"], stdout=subprocess.DEVNULL).returncode == 0

    def start_cron(self) -> subprocess.Popen[bytes] | None:
        return None if self.cron_runs() else subprocess.Popen(["cron", "-f"])

    def stop_cron(self, daemon: subprocess.Popen[bytes]) -> None:
        """Waits for its last job, too: whoever looks next would take the process that waits for it for a cron."""
        stop(daemon)
        end = time.monotonic() + 30
        while self.cron_runs() and time.monotonic() < end:
            time.sleep(0.1)

    def crontab(self, manage: Path, action: str) -> None:
        done = subprocess.run([sys.executable, manage, "crontab", action], capture_output=True, text=True, cwd=ROOT)
        self.assertEqual(done.returncode, 0, done.stderr)


@unittest.skipUnless(django.VERSION >= (6, 0), "Django has tasks from 6.0 on")
class DjangoTaskTest(SchedulerTestCase):
    @override_settings(TASKS={"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}})
    def test_djangos_own_tasks_run_it(self) -> None:
        notify(self.user)
        result = tasks.update_counter_task.enqueue()
        self.assertEqual(result.status.name, "SUCCESSFUL")
        self.assertEqual(self.stored(self.user), 1)
