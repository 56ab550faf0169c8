"""What ``manage.py check --database default`` finds in the tables of sources and counts."""

from __future__ import annotations

import subprocess
import sys
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test import tag

from notifications_counter.models import Notification
from tests.support.base import ROOT, CounterTestCase, child_environment
from tests.testapp.models import Parcel, PlaceParcels


def said(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "django", "check", *arguments]
    environment = child_environment(**{"DJANGO_SETTINGS_MODULE": "tests.support.audited_settings", **environment})
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


@contextmanager
def altered(begin: Any, end: Any) -> Iterator[None]:
    with connection.schema_editor() as editor:
        begin(editor)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            end(editor)


@tag("long")
class IndexCheckTest(CounterTestCase):
    def about(self, label: str) -> str:
        return "".join(part for part in said("--database=default").split("\n\n")[0].splitlines(True) if label in part)

    def test_a_source_without_an_index_that_begins_with_its_key_is_said(self) -> None:
        found = said("--database=default")
        sentence = "testapp.PlaceParcels.counter: no index of testapp_parcel on 'default' begins with place:"
        self.assertIn(f"(notifications_counter.W064) {sentence}", found)
        self.assertNotIn("UserNotificationsCount.counter: no index", found)
        self.assertNotIn("shop.UnsentLines.counter: no index", found)  # of a composite primary key
        self.assertNotIn("W064", said())  # which asks no database
        self.assertNotIn("W064", said("--database=default", DJANGO_SETTINGS_MODULE="tests.settings"))  # no audit

    def test_an_index_that_the_database_has_is_enough(self) -> None:
        table = connection.ops.quote_name(Parcel._meta.db_table)
        drop = "DROP INDEX nc_by_hand" + (f" ON {table}" if connection.vendor == "mysql" else "")
        create = f"CREATE INDEX nc_by_hand ON {table} (place, state)"
        with altered(lambda editor: editor.execute(create), lambda editor: editor.execute(drop)):
            self.assertNotIn("PlaceParcels.counter: no index", said("--database=default"))

    def test_an_index_with_other_columns_first_is_not(self) -> None:
        index = next(one for one in Notification._meta.indexes if one.name == "nc_newest")
        unread = next(one for one in Notification._meta.indexes if one.name == "nc_unread")

        def remove(editor: Any) -> None:
            editor.execute("CREATE INDEX nc_instead ON notifications_counter_notification (kind, user_id)")
            if connection.vendor == "mysql":  # the foreign key needs one
                return
            editor.remove_index(Notification, index)
            editor.remove_index(Notification, unread)

        def restore(editor: Any) -> None:
            on = " ON notifications_counter_notification" if connection.vendor == "mysql" else ""
            editor.execute(f"DROP INDEX nc_instead{on}")
            if connection.vendor == "mysql":
                return
            editor.add_index(Notification, index)
            editor.add_index(Notification, unread)

        with altered(remove, restore):
            found = said("--database=default")
        expected = connection.vendor != "mysql"
        self.assertEqual("UserNotificationsCount.counter: no index" in found, expected, found)


@unittest.skipUnless(connection.vendor == "postgresql", "PostgreSQL alone has collations that only it knows")
class CollationCheckTest(CounterTestCase):
    def test_a_nondeterministic_collation_of_a_key_is_said(self) -> None:
        table = PlaceParcels._meta.db_table
        with connection.cursor() as cursor:  # no such collation goes with the index for LIKE that Django makes
            cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE %s", [f"{table}%like"])
            ((index, definition),) = cursor.fetchall()
            cursor.execute(f'DROP INDEX "{index}"')
            cursor.execute(
                "CREATE COLLATION nc_loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
            cursor.execute(f'ALTER TABLE {table} ALTER COLUMN place TYPE varchar(100) COLLATE "nc_loose"')
        try:
            found = said("--database=default")
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f'ALTER TABLE {table} ALTER COLUMN place TYPE varchar(100) COLLATE "C"')
                cursor.execute("DROP COLLATION nc_loose")
                cursor.execute(definition)
        self.assertIn(
            "(notifications_counter.W003) testapp.PlaceParcels.counter: the collation of testapp.PlaceParcels.place on"
            " 'default' calls different texts equal, unlike that of a KeyField",
            found,
        )
        self.assertNotIn("testapp.Parcel.place", found)
        self.assertNotIn("testapp.PlaceParcels.place on", said("--database=default"))
