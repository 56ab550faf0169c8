"""``manage.py test`` on the settings of a development site, Redis included: nothing to configure, nothing disturbed."""

from __future__ import annotations

import os
import unittest
from typing import Any

from django.db import connection
from django.test import TransactionTestCase, tag

from tests.support.servers import valkey
from tests.support.sites import new_database, site

TESTS = """
import random, time
from contextlib import nullcontext
from django.core.management import call_command
from django.contrib.auth.models import User
from django.test import TestCase, TransactionTestCase
from notifications_counter.models import Notification, UserNotificationsCount
from shop.models import Click

counter = UserNotificationsCount.counter

def captured(test):
    return test.captureOnCommitCallbacks(execute=True) if hasattr(test, "captureOnCommitCallbacks") else nullcontext()

class Checks:
    def check(self, number):
        user = User.objects.create(pk=number % 3 + 1, username="somebody")
        other = User.objects.create(pk=7, username="somebody else")
        self.assertEqual(counter.values([user, other]), {user: 0, other: 0})
        for place in range(number % 4 + 1):
            Notification.objects.create(user=user, text="text")
        self.assertEqual(counter.value(user), number % 4 + 1)
        with captured(self):
            Notification.objects.filter(user=user).first().delete()
        Click.counter.add({"/a": 2})
        self.assertEqual((counter.value(user), Click.counter.value("/a")), (number % 4, 2))
        call_command("notification_update_counter", verbosity=0)
        time.sleep(random.random() / 20)
        self.assertEqual((counter.value(user), Click.counter.value("/a")), (number % 4, 2))

class Quick(Checks, TestCase):
    pass

class Whole(Checks, TransactionTestCase):
    pass

class Again(Checks, TransactionTestCase):
    pass

class Last(Checks, TestCase):
    pass

for kind in (Quick, Whole, Again, Last):
    for number in range(10):
        setattr(kind, f"test_{number}", lambda self, number=number: self.check(number))
"""


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """These tests bring buffers of their own: once a database is enough."""
    return tests if os.environ.get("NC_BUFFER") == "redis" else unittest.TestSuite()


@tag("long-alone")
class TestRunTest(TransactionTestCase):
    def test_tests_of_a_site_in_parallel_or_not_leave_its_counts_alone(self) -> None:
        with valkey() as redis, new_database() as database, site({"default": database}, redis) as developed:
            developed.migrate()
            developed.shell("User.objects.bulk_create([User(username=f'user{n}') for n in range(2)]); notify(1, 3)")
            developed.flush()
            developed.shell("notify(1); counter.value(1); Click.counter.add({'/a': 1})")
            developed.write("shop/tests.py", TESTS)
            runs = [["--parallel", "4"], []] if connection.vendor == "sqlite" else [["--parallel", "4"]]
            if connection.vendor == "sqlite":  # a file of its own, made anew each time
                again = {**database, "TEST": {"NAME": f"{developed.folder}/test.sqlite3"}}
                developed.databases = {"default": again}
                developed.configure(redis)
                runs *= 2
            for options in runs:
                done = developed.run("manage.py", "test", "shop", *options)
                self.assertIn("Ran 40 tests", done.stderr)
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(developed.wrong(), {})
            self.assertEqual(
                developed.shell("print(json.dumps([counter.value(1), Click.counter.value('/a')]))"), [4, 1]
            )
            self.assertNotIn("lost", developed.flush())
            self.assertEqual(developed.wrong(), {})

    def test_databases_in_memory_and_settings_without_migrations_work(self) -> None:
        if connection.vendor != "sqlite":
            self.skipTest("databases in memory are SQLite's")
        extra = "MIGRATION_MODULES = {'notifications_counter': None, 'auth': None, 'contenttypes': None}\n"
        with valkey() as redis, new_database() as database, site({"default": database}, redis, extra) as developed:
            developed.migrate()
            developed.shell("User.objects.bulk_create([User(username=f'user{n}') for n in range(2)]); notify(1, 3)")
            developed.write("shop/tests.py", TESTS)
            for options in ([], ["--parallel", "3"]):
                done = developed.run("manage.py", "test", "shop", *options)
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(developed.wrong(), {})
            developed.flush()
            self.assertEqual(developed.wrong(), {})
