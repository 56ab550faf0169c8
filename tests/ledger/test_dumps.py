"""``manage.py flush``, ``dumpdata`` and ``loaddata``: every value is COUNT(*) afterwards, and no delta counts twice."""

from __future__ import annotations

import json
import os
import unittest
from typing import Any

from django.test import TransactionTestCase, tag

from tests.support.servers import valkey
from tests.support.sites import Site, new_database, site

from .test_copies import BEGIN


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """These tests bring buffers of their own: once a database is enough."""
    return tests if os.environ.get("NC_BUFFER") == "redis" else unittest.TestSuite()


class DumpTestCase(TransactionTestCase):
    redis = ""

    def setUp(self) -> None:
        self.database = self.enterContext(new_database())
        self.site = self.enterContext(site({"default": self.database}, self.redis))
        self.site.shell(BEGIN)

    def dump(self, *options: str) -> str:
        self.site.manage("dumpdata", "--exclude=contenttypes", "--exclude=auth.permission", "-o", "dump.json", *options)
        return (self.site.folder / "dump.json").read_text()

    def assert_right(self, site: Site) -> None:
        """Before and after two flushes, and after more changes."""
        found = site.shell(
            """
            found = []
            for _ in range(2):
                found.append(wrong())
                flush()
            notify(1)
            print(json.dumps([*found, wrong()]))
            """
        )
        self.assertEqual(found, [{}, {}, {}])
        self.assertNotIn("lost", site.logged)


@tag("long")
class DumpTest(DumpTestCase):
    def test_a_dump_has_the_rows_that_are_counted_and_not_what_was_pending(self) -> None:
        models = {row["model"] for row in json.loads(self.dump())}
        self.assertIn("notifications_counter.notification", models)
        for name in ("delta", "progress", "identity"):
            self.assertNotIn(f"notifications_counter.{name}", models)

    def test_a_whole_dump_loaded_elsewhere_is_counted(self) -> None:
        for options in ([], ["--all"]):
            dump = self.dump(*options)
            with new_database() as database, site({"default": database}, self.redis) as other:
                other.migrate()
                other.write("dump.json", dump)
                other.manage("loaddata", "dump.json")
                self.assert_right(other)

    def test_a_dump_loaded_over_its_own_database_changes_nothing(self) -> None:
        self.dump("--all")
        self.site.manage("loaddata", "dump.json")
        self.assert_right(self.site)

    def test_a_flush_of_the_database_begins_anew_and_its_dump_comes_back(self) -> None:
        self.dump("--all")
        self.site.manage("flush", "--noinput")
        self.site.shell("User.objects.bulk_create([User(pk=n, username=f'user{n}') for n in (1, 2)])")
        self.assertEqual(self.site.wrong(), {})
        self.site.shell("notify(2)")
        self.assert_right(self.site)
        self.site.manage("flush", "--noinput")
        self.site.manage("loaddata", "dump.json")
        self.assert_right(self.site)


@tag("long")
class RedisDumpTest(DumpTest):
    def setUp(self) -> None:
        self.redis = self.enterContext(valkey())
        super().setUp()

    def test_a_process_that_goes_on_counts_on_after_a_flush_of_the_database(self) -> None:
        found = self.site.shell(
            """
            import subprocess, sys
            before = counter.value(1)
            subprocess.run([sys.executable, "manage.py", "flush", "--noinput"], check=True, capture_output=True)
            User.objects.bulk_create([User(pk=n, username=f'user{n}') for n in (1, 2)])
            notify(1)
            counter.value(1)
            print(json.dumps([before, wrong()]))
            """
        )
        self.assertEqual(found, [4, {}])
        self.assert_right(self.site)

    def test_a_flush_while_redis_is_away_reads_nothing_old_when_it_is_back(self) -> None:
        url = self.redis
        self.site.configure("redis://127.0.0.1:1/0")
        self.site.manage("flush", "--noinput")
        self.site.configure(url)
        self.site.shell("User.objects.bulk_create([User(pk=n, username=f'user{n}') for n in (1, 2)])")
        self.assert_right(self.site)
