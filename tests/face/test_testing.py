"""The help for the tests of a site: in Django's test cases and in pytest, in one process and in several."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import unittest

from django.db import connection
from django.test import SimpleTestCase, tag

from tests.support.base import ROOT, heavy
from tests.support.sites import Site, new_database, site

IN_CI = os.environ.get("CI") == "true"
HAS_PYTEST = all(importlib.util.find_spec(name) for name in ("pytest", "pytest_django", "xdist"))
REDIS = os.environ.get("NC_REDIS_URL", "") if os.environ.get("NC_BUFFER") == "redis" else ""

CASES = """
import threading, time
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import TestCase, TransactionTestCase
from notifications_counter.models import Notification, UserNotificationsCount
from notifications_counter.testing import CounterTestMixin
from shop.models import Click

def notify(user, number=1):
    for place in range(number):
        Notification.objects.create(user=user, text="text")

def stored(user):
    return UserNotificationsCount.objects.filter(pk=user.pk).values_list("unread_count", flat=True).first()

class Shared:
    def test_unread_notifications_are_asserted_before_and_after_a_flush(self):
        user = User.objects.create(username="eve")
        notify(user, 3)
        self.assert_unread(user, 3)
        self.flush()
        self.assertEqual(stored(user), 3)
        notify(user)
        self.assert_unread(user.pk, 4)
        UserNotificationsCount.counter.flush()
        self.flush(UserNotificationsCount.counter)
        self.assertEqual(stored(user), 4)
        self.assert_unread(user, 4)

    def test_a_failure_says_what_was_stored_pending_and_actual(self):
        user = User.objects.create(username="eve")
        notify(user, 2)
        self.flush()
        notify(user)
        UserNotificationsCount.counter.add({user: 5})
        with self.assertRaises(self.failureException) as caught:
            self.assert_unread(user, 3)
        self.assertEqual(
            str(caught.exception),
            f"notifications_counter.UserNotificationsCount.counter: the value of {user.pk} is 8, not 3. "
            "Stored: 2, pending: 6, actual: 3.",
        )

    def test_other_counters_are_asserted_too(self):
        Click.counter.add({"https://example.org/": 2})
        self.assert_count(Click.counter, "https://example.org/", 2)
        with self.assertRaisesMessage(AssertionError, "is 2, not 1. Stored: 0, pending: 2."):
            self.assert_count(Click.counter, "https://example.org/", 1)

    def test_what_does_not_come_is_not_waited_for_for_ever(self):
        user = User.objects.create(username="eve")
        with self.assertRaisesMessage(AssertionError, "is 0 after 0.1 s, not 1. Stored: 0, pending: 0, actual: 0."):
            self.wait_for_unread(user, 1, timeout=0.1)

class InTestCase(CounterTestMixin, Shared, TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = User.objects.create(username="ada")
        notify(cls.ada, 2)

    def test_a_what_the_class_has_prepared_is_flushed(self):
        self.flush()
        self.assertEqual(stored(self.ada), 2)
        notify(self.ada)
        self.assert_unread(self.ada, 3)
        self.flush()
        self.assertEqual(stored(self.ada), 3)

    def test_b_and_is_as_it_was_in_the_next_test(self):
        self.assert_unread(self.ada, 2)
        self.assertIsNone(stored(self.ada))
        self.flush()
        self.assertEqual(stored(self.ada), 2)
        self.assert_unread(self.ada, 2)

    def test_c_whether_or_not_it_flushes(self):
        self.assert_unread(self.ada, 2)
        notify(self.ada)
        self.assert_unread(self.ada, 3)

class InTransactionTestCase(CounterTestMixin, Shared, TransactionTestCase):
    def test_another_thread_is_waited_for(self):
        user = User.objects.create(username="eve")
        def work():
            time.sleep(0.3)
            notify(user, 2)
            connections.close_all()
        thread = threading.Thread(target=work)
        thread.start()
        self.wait_for_unread(user, 2, timeout=10)
        thread.join()
"""

FUNCTIONS = """
import pytest
from shop.tests import InTestCase, InTransactionTestCase, notify, stored
from shop.models import Click
from django.contrib.auth.models import User

@pytest.mark.django_db
@pytest.mark.parametrize("number", range(4))
def test_in_a_transaction(assert_unread, flush, number):
    user = User.objects.create(username="eve")
    notify(user, number)
    assert_unread(user, number)
    flush()
    assert (stored(user) or 0) == number
    notify(user)
    assert_unread(user, number + 1)

@pytest.mark.django_db(transaction=True)
def test_with_commits(assert_count, flush, wait_for_unread):
    user = User.objects.create(username="eve")
    notify(user, 2)
    wait_for_unread(user, 2)
    assert [result.keys for result in flush() if result.keys] == [1]
    Click.counter.add({"x": 1})
    assert_count(Click.counter, "x", 1)

@pytest.mark.django_db
def test_a_failure(assert_unread):
    with pytest.raises(AssertionError, match="is 0, not 1. Stored: 0, pending: 0, actual: 0."):
        assert_unread(User.objects.create(username="eve"), 1)
"""


@tag("long")
@unittest.skipIf(connection.vendor == "mysql", "sites of several processes: on SQLite and PostgreSQL")
class SiteTest(SimpleTestCase):
    databases = {"default"}

    def run_site(self, *command: str) -> str:
        with new_database() as database, site({"default": database}, REDIS) as made:
            self.write(made)
            done = made.run(*command)
            said = done.stdout + done.stderr
            self.assertEqual(done.returncode, 0, said)
            return said

    def write(self, made: Site) -> None:
        made.write("shop/tests.py", CASES)
        made.write("shop/test_functions.py", FUNCTIONS)
        made.write("conftest.py", 'pytest_plugins = ["notifications_counter.testing.pytest"]\n')
        made.write("shop/migrations/__init__.py", "")
        made.manage("makemigrations", "shop", "-v0")

    @heavy
    def test_it_works_in_each_test_case_of_django_in_several_processes(self) -> None:
        said = self.run_site("manage.py", "test", "shop.tests", "--parallel", "2")
        self.assertIn("Ran 12 tests", said)

    @unittest.skipUnless(HAS_PYTEST or IN_CI, "pytest-django and pytest-xdist are not installed")
    @heavy
    def test_it_works_in_pytest_in_one_process_and_in_several(self) -> None:
        for options in ([], ["-n", "2"]):
            said = self.run_site("-m", "pytest", "-q", "-p", "no:cacheprovider", "shop/test_functions.py", *options)
            self.assertIn("18 passed", said)

    @unittest.skipUnless(connection.vendor == "sqlite" and not REDIS, "once is enough")
    def test_the_mixin_needs_no_pytest_and_the_plugin_no_django_that_is_set_up(self) -> None:
        for program in (
            "import sys; sys.modules['pytest'] = None; from notifications_counter import testing",
            "import notifications_counter.testing.pytest" if HAS_PYTEST else "pass",
        ):
            done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={}, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_what_it_has_not_is_an_attribute_error(self) -> None:
        from notifications_counter import testing

        with self.assertRaisesMessage(AttributeError, "has no attribute 'assert_read'"):
            testing.assert_read  # noqa: B018
