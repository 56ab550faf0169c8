"""A walk over all keys ends, whatever keeps it from moving."""

from __future__ import annotations

import subprocess
import unittest

from django.core.management import CommandError, call_command
from django.db import connection

from notifications_counter.ledger.tables import Progress
from tests.support.base import CounterTestCase, behind_djangos_back, counter, notify, start_child


class StandstillTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(3)
        for user in self.users:
            notify(user)
        counter.flush()

    def recount(self, cache: str) -> str:
        child = start_child("recount_cached", cache)
        try:
            said, errors = child.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            self.fail("the recount did not end")
        self.assertEqual(child.returncode, 0, errors)
        return said

    def test_a_cache_of_queries_keeps_no_recount_from_its_end(self) -> None:
        for cache in ("polite", "rude"):
            behind_djangos_back(self.users[1], 3)
            said = self.recount(cache)
            self.assertIn(f"{counter.label}: 6 recounts, 1 corrections", said, cache)
            self.assert_exact(self.users)

    @unittest.skipUnless(connection.vendor == "sqlite", "the trigger is SQLite's")
    def test_a_note_that_cannot_be_changed_ends_it_with_an_error(self) -> None:
        table = Progress._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TRIGGER standstill BEFORE UPDATE OF recounted_to ON {table} BEGIN SELECT RAISE(IGNORE); END"
            )
        try:
            with self.assertRaisesMessage(CommandError, "a recount of all keys stands still, at 'its start'"):
                call_command("notification_recount", counter=[counter.label], verbosity=0)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP TRIGGER standstill")
