"""Copies of a database, opened beside the original with the same Redis, or with none."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import TransactionTestCase, tag

from tests.support.servers import postgresql_programs, valkey
from tests.support.sites import Site, drop, entry, new_database, site, sqlite

BEGIN = """
migrate()
User.objects.bulk_create([User(username=f"user{n}") for n in range(1, 3)])
notify(1, 3); notify(2, 2)
Click.counter.add({"/a": 7})
flush()
notify(1); notify(2, 2)
Click.counter.add({"/a": 5})
counter.values([1, 2])
"""
#: The unread count of the first user, as its row holds it.
STORED = "UserNotificationsCount.objects.get(pk=1).unread_count"


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """These tests bring buffers of their own: once a database is enough."""
    return tests if os.environ.get("NC_BUFFER") == "redis" else unittest.TestSuite()


class CopyTestCase(TransactionTestCase):
    """An original with flushed and pending deltas in Redis."""

    def setUp(self) -> None:
        self.redis = self.enterContext(valkey())
        self.database = self.enterContext(new_database())
        self.original = self.enterContext(site({"default": self.database}, self.redis))
        self.original.shell(BEGIN)

    def copied(self) -> contextlib.AbstractContextManager[dict[str, Any]]:
        """The entry in ``DATABASES`` of a copy of the original."""
        return {"sqlite": self._file, "postgresql": self._template, "mysql": self._tables}[connection.vendor]()

    @contextlib.contextmanager
    def _file(self) -> Iterator[dict[str, Any]]:
        target = f"{self.original.folder}/copy.sqlite3"
        shutil.copy(self.database["NAME"], target)
        yield sqlite(target)

    @contextlib.contextmanager
    def _template(self) -> Iterator[dict[str, Any]]:
        name = f"{self.database['NAME']}_copy"
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {self.database['NAME']}")
        try:
            yield entry(name)
        finally:
            drop(name)

    @contextlib.contextmanager
    def _tables(self) -> Iterator[dict[str, Any]]:
        old, new = self.database["NAME"], f"{self.database['NAME']}_copy"
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {new}")
            cursor.execute(f"SHOW TABLES FROM {old}")
            for (table,) in cursor.fetchall():
                cursor.execute(f"CREATE TABLE {new}.{table} LIKE {old}.{table}")
                cursor.execute(f"INSERT INTO {new}.{table} SELECT * FROM {old}.{table}")
        try:
            yield entry(new)
        finally:
            drop(new)

    def assert_untouched(self, site: Site, clicks: int = 12) -> None:
        """That nothing of the original was read or drained by somebody else."""
        before, after, value, stored, events = site.shell(
            f"""
            before = wrong()
            flush()
            print(json.dumps([before, wrong(), counter.value(1), {STORED}, Click.counter.value("/a")]))
            """
        )
        self.assertEqual((before, after, value, events), ({}, {}, stored, clicks))
        self.assertNotIn("lost", site.logged)


@tag("long")
class CopyTest(CopyTestCase):
    def work_on(self, copy: Site) -> None:
        """Read, write and flush, as people do who have just opened a copy."""
        before, after = copy.shell("before = wrong(); notify(1, 2); notify(2); print(json.dumps([before, wrong()]))")
        self.assertEqual((before, after), ({}, {}))
        self.assertIn("a copy of another one", copy.manage("notification_counter_status"))
        said = copy.flush()
        self.assertEqual(said.count("is a copy of another one, or was moved"), 1, said)
        self.assertIn("may be missing, and cannot be counted again: shop.Click.counter", said)
        found = copy.shell(
            f"""
            found = [wrong(), {STORED}]
            notify(1)
            Click.counter.add({{"/a": 1}})
            found.append(wrong())
            flush()
            print(json.dumps([*found, wrong(), Click.counter.value("/a")]))
            """
        )
        self.assertEqual(found, [{}, 6, {}, {}, 8])  # 7 clicks were stored
        self.assertNotIn("copy", copy.logged)
        self.assertIn("a copy of another one, noticed", copy.manage("notification_counter_status"))
        found = json.loads(copy.manage("notification_counter_status", "--json"))
        self.assertTrue(all(one["copied_at"] and one["database"] for one in found["counters"]))
        self.assertIn("may be missing", found["counters"][0]["copy"])

    def test_a_copy_with_the_same_redis_counts_for_itself_and_leaves_the_original_alone(self) -> None:
        with self.copied() as database, site({"default": database}, self.redis) as copy:
            self.work_on(copy)
            self.assert_untouched(self.original)
            copy.shell("notify(2)")
            self.assertEqual((copy.wrong(), self.original.wrong()), ({}, {}))

    def test_a_copy_with_another_prefix_works_by_itself(self) -> None:
        with self.copied() as database, site({"default": database}, self.redis, PREFIX="staging") as copy:
            self.work_on(copy)
            self.assert_untouched(self.original)

    def test_a_copy_without_redis_works_by_itself(self) -> None:
        with self.copied() as database, site({"default": database}) as copy:
            self.assertEqual(copy.manage("check", "--database", "default").count("W040"), 0)
            self.work_on(copy)
            self.assert_untouched(self.original)

    def test_a_copy_whose_redis_is_not_there_reads_rows(self) -> None:
        with self.copied() as database, site({"default": database}, "redis://127.0.0.1:1/0") as copy:
            self.assertEqual(copy.wrong(), {})
            copy.shell("notify(1)")
            self.assertEqual(copy.wrong(), {})

    def test_the_developers_drain_does_not_drain_the_original(self) -> None:
        with self.copied() as database, site({"default": database}, self.redis, DATABASE_ONLY=True) as copy:
            copy.manage("notification_update_counter", "--drain")
            self.assertEqual(copy.wrong(), {})
            self.assert_untouched(self.original)

    def test_recounts_and_their_check_work_on_a_copy(self) -> None:
        with self.copied() as database, site({"default": database}, self.redis) as copy:
            self.assertIn("is a copy that no flush has noticed", copy.manage("notification_recount", "--check"))
            copy.manage("notification_recount")
            self.assertEqual(copy.wrong(), {})
            self.assertEqual(copy.shell(f"print(json.dumps({STORED}))"), 4)
            copy.flush()
            self.assertEqual(copy.wrong(), {})
            self.assertIn("0 wrong", copy.manage("notification_recount", "--check"))
            self.assert_untouched(self.original)

    def test_of_two_processes_that_notice_a_copy_at_once_one_gives_the_identity(self) -> None:
        with self.copied() as database, site({"default": database}, self.redis) as copy:
            ids = copy.shell(
                """
                from concurrent.futures import ThreadPoolExecutor
                from threading import Barrier
                from django.db import connections
                from notifications_counter.ledger.identity import identify
                barrier = Barrier(4)
                def both(n):
                    barrier.wait()
                    try:
                        return identify("default")
                    finally:
                        connections.close_all()
                with ThreadPoolExecutor(4) as pool:
                    print(json.dumps(list(pool.map(both, range(4)))))
                """
            )
            self.assertEqual(len(set(ids)), 1, ids)
            self.assertEqual(copy.logged.count("is a copy of another one"), 1, copy.logged)
            self.assertEqual(copy.wrong(), {})

    def test_a_copy_that_is_taken_again_reads_nothing_of_the_one_before(self) -> None:
        for _ in range(2):
            with self.copied() as database, site({"default": database}, self.redis, INTENT_GRACE=1) as copy:
                copy.flush()
                copy.shell("import time; time.sleep(1.2)")
                copy.flush()
                copy.shell("notify(1, 4); counter.value(1)")
                self.assertEqual(copy.wrong(), {})


class DatabaseBufferTest(CopyTestCase):
    def test_a_copy_has_everything_and_nothing_is_counted_again(self) -> None:
        with new_database() as self.database, site({"default": self.database}) as self.original:
            self.original.shell(BEGIN)
            with self.copied() as database, site({"default": database}) as copy:
                said = copy.flush()
                self.assertNotIn("copy", said)
                self.assertNotIn("recounted", said)
                found = copy.shell(f"print(json.dumps([wrong(), Click.counter.value('/a'), {STORED}]))")
                self.assertEqual(found, [{}, 12, 4])
                self.assertIn("Nothing was pending outside of it.", copy.manage("notification_counter_status"))


@tag("long")
class NewIdentityTest(CopyTestCase):
    """What cannot be told from a fail-over: here as another server for the same database."""

    def test_the_command_abandons_what_is_pending_without_asking_redis(self) -> None:
        self.original.configure()  # Redis was tried, and removed again
        self.assertEqual(self.original.wrong(), {})
        self.assertEqual(self.original.logged.count("--new-identity"), 1, self.original.logged)
        self.assertIn("W040", self.original.manage("check", "--database", "default"))
        self.assertIn("--new-identity", self.original.manage("notification_update_counter", fails=True))
        said = self.original.manage("notification_recount", "--new-identity")
        self.assertIn("was given a new identity", said)
        self.assertIn("may be missing, and cannot be counted again: shop.Click.counter", said)
        self.assertEqual(self.original.wrong(), {})
        self.original.flush()
        self.assertEqual(self.original.wrong(), {})
        self.assertNotIn("W040", self.original.manage("check", "--database", "default"))

    def test_events_are_read_as_far_as_the_database_knows_them(self) -> None:
        self.original.configure()
        self.assertEqual(self.original.shell('print(json.dumps(Click.counter.value("/a")))'), 7)
        self.original.configure(self.redis)
        self.assertEqual(self.original.shell('print(json.dumps(Click.counter.value("/a")))'), 12)

    def test_a_clone_with_a_server_that_is_gone_is_counted_by_rows(self) -> None:
        self.original.configure("redis://127.0.0.1:1/0")
        self.original.manage("notification_recount", "--new-identity")
        self.assertEqual(self.original.wrong(), {})
        self.original.shell("notify(1)")
        self.assertEqual(self.original.wrong(), {})

    def test_other_shards_or_another_prefix_neither_fail_a_page_nor_lose_a_change(self) -> None:
        for options in ({"SHARDS": 3}, {"PREFIX": "new"}):
            self.original.configure(self.redis, **options)
            self.original.shell("notify(1)")
            self.assertEqual(self.original.wrong(), {})
        self.original.configure(self.redis)
        self.assert_untouched(self.original)

    def test_it_is_not_combined_with_what_concerns_one_counter(self) -> None:
        for option in (["--user", "1"], ["--check"], ["--counter", "shop.Click"]):
            said = self.original.manage("notification_recount", "--new-identity", *option, fails=True)
            self.assertIn(f"leave out {option[0]}", said)


@tag("long")
class SameDatabaseTest(CopyTestCase):
    def test_two_aliases_of_one_database_agree_on_everything(self) -> None:
        both = {"default": self.database, "pooled": {**self.database, "CONN_MAX_AGE": 5}}
        self.original.databases = both
        self.original.configure(self.redis)
        found = self.original.shell(
            """
            Notification.objects.using("pooled").create(user_id=1, text="text")
            print(json.dumps([counter.value(1), counter.value(1, using="pooled"), counter.store().digest,
                              counter.store("pooled").digest, wrong()]))
            """
        )
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[2], found[3])
        self.assertEqual(found[4], {})
        for alias in ("pooled", "default"):
            self.assertNotIn("lost", self.original.manage("notification_update_counter", "--database", alias))
        self.assertEqual(self.original.wrong(), {})

    def test_two_databases_on_a_server_have_nothing_in_common(self) -> None:
        with new_database() as database, site({"default": database}, self.redis) as other:
            other.migrate()
            other.shell("User.objects.create(username='somebody'); notify(1)")
            self.assertEqual(other.shell("print(json.dumps(counter.value(1)))"), 1)
            other.flush()
            self.assertEqual((other.wrong(), self.original.wrong()), ({}, {}))

    def test_an_alias_without_tables_is_passed_over_with_a_line(self) -> None:
        with new_database() as empty:
            self.original.databases = {"default": self.database, "empty": empty}
            self.original.configure(self.redis)
            for command in ("notification_update_counter", "notification_recount", "notification_counter_status"):
                said = self.original.manage(command, "--database", "empty")
                self.assertIn("passed over, because the database 'empty' has no tables of notifications_counter", said)


@unittest.skipUnless(connection.vendor == "sqlite", "a file")
@tag("long-alone")
class FileTest(CopyTestCase):
    def test_a_moved_file_is_counted_again(self) -> None:
        moved = f"{self.original.folder}/moved.sqlite3"
        shutil.move(self.database["NAME"], moved)
        with site({"default": sqlite(moved)}, self.redis) as after:
            self.assertEqual(after.wrong(), {})
            self.assertIn("was moved", after.flush())
            self.assertEqual(after.wrong(), {})

    def test_a_file_put_in_the_place_of_another_is_counted_again(self) -> None:
        with site({"default": sqlite(f"{self.original.folder}/staging.sqlite3")}, self.redis) as staging:
            for number in range(2):
                shutil.copy(self.database["NAME"], staging.databases["default"]["NAME"])
                self.assertEqual(staging.wrong(), {})
                staging.flush()
                staging.shell(f"notify(1, {number + 1}); counter.value(1)")
                self.assertEqual(staging.wrong(), {})

    def test_a_file_that_was_made_anew_begins_anew(self) -> None:
        Path(self.database["NAME"]).unlink()
        self.original.migrate()
        self.original.shell("User.objects.create(username='somebody'); User.objects.create(username='else'); notify(1)")
        self.assertEqual(self.original.wrong(), {})
        self.assertNotIn("lost", self.original.flush())
        self.assertEqual(self.original.wrong(), {})

    def test_a_database_that_can_only_be_read_is_read(self) -> None:
        copy = f"{self.original.folder}/copy.sqlite3"
        shutil.copy(self.database["NAME"], copy)
        only_read = {**sqlite(f"file:{copy}?mode=ro"), "OPTIONS": {"uri": True}}
        with site({"default": only_read}, self.redis) as reader:
            self.assertEqual(reader.wrong(), {})
        replica = {**only_read, "NAME": f"file:{self.database['NAME']}?mode=ro"}
        self.original.databases = {"default": self.database, "replica": replica}
        self.original.configure(self.redis)
        found = self.original.shell("print(json.dumps([counter.value(1), counter.value(1, using='replica')]))")
        self.assertEqual(found[0], found[1])


@unittest.skipUnless(connection.vendor == "postgresql", "schemas, pg_dump")
@tag("long")
class PostgresqlTest(CopyTestCase):
    def dump(self, *arguments: str) -> str:
        programs = postgresql_programs()
        if programs is None:
            self.skipTest("pg_dump is not installed")
        url = {"PGHOST": self.database["HOST"], "PGPORT": str(self.database["PORT"]), "PGUSER": self.database["USER"]}
        environment = {**os.environ, **url, "PGPASSWORD": self.database["PASSWORD"] or "x"}
        command = [str(programs / "pg_dump"), self.database["NAME"], *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def load(self, name: str, sql: str) -> None:
        programs = postgresql_programs()
        assert programs
        url = {"PGHOST": self.database["HOST"], "PGPORT": str(self.database["PORT"]), "PGUSER": self.database["USER"]}
        environment = {**os.environ, **url, "PGPASSWORD": self.database["PASSWORD"] or "x"}
        command = [str(programs / "psql"), "-q", "-v", "ON_ERROR_STOP=1", name]
        subprocess.run(command, env=environment, input=sql, text=True, check=True, capture_output=True)

    def test_a_dump_restored_elsewhere_is_a_copy(self) -> None:
        sql = self.dump()
        with new_database() as database, site({"default": database}, self.redis) as copy:
            self.load(database["NAME"], sql)
            self.assertEqual(copy.wrong(), {})
            self.assertIn("is a copy of another one", copy.flush())
            self.assertEqual(copy.wrong(), {})
            self.assert_untouched(self.original)

    def test_an_older_dump_restored_in_place_is_counted_again(self) -> None:
        sql = self.dump("--clean")
        self.original.shell("notify(1, 3); counter.value(1)")
        self.original.flush()
        self.load(self.database["NAME"], sql)
        self.assertEqual(self.original.wrong(), {})
        self.assertIn("is a copy of another one", self.original.flush())
        self.assertEqual(self.original.wrong(), {})

    def test_vacuum_full_and_truncate_make_no_copy(self) -> None:
        self.original.shell("connection.cursor().execute('VACUUM FULL notifications_counter_identity')")
        self.assertNotIn("copy", self.original.flush())
        self.assert_untouched(self.original)

    def of_schema(self, schema: str) -> dict[str, Any]:
        return entry(self.database["NAME"], options=f"-c search_path={schema}")

    def test_schemas_are_databases_of_their_own(self) -> None:
        self.original.shell("connection.cursor().execute('CREATE SCHEMA acme')")
        with site({"default": self.of_schema("acme")}, self.redis) as tenant:
            said = tenant.manage("notification_update_counter")
            self.assertIn("passed over", said)
            tenant.migrate()
            tenant.shell("User.objects.create(username='a'); User.objects.create(username='b'); notify(1)")
            self.assertEqual(tenant.shell("print(json.dumps(counter.value(1)))"), 1)
            tenant.flush()
            self.assertEqual((tenant.wrong(), self.original.wrong()), ({}, {}))

    def test_a_process_that_changes_the_search_path_reads_each_schema(self) -> None:
        self.original.shell("connection.cursor().execute('CREATE SCHEMA acme')")
        with site({"default": self.of_schema("acme")}, self.redis) as tenant:
            tenant.migrate()
            tenant.shell("User.objects.create(username='a'); User.objects.create(username='b'); notify(1)")
        found = self.original.shell(
            """
            read = []
            for schema in ("public", "acme", "public", "acme"):
                connection.cursor().execute(f"SET search_path TO {schema}")
                read.append([wrong(), counter.value(1)])
                notify(1)
                read.append([wrong(), counter.value(1)])
                counter.flush()
            print(json.dumps(read))
            """
        )
        self.assertEqual([one[0] for one in found], [{}] * 8)
        self.assertEqual([one[1] for one in found], [4, 5, 1, 2, 5, 6, 2, 3])

    def test_a_transaction_over_several_schemas_counts_in_each(self) -> None:
        self.original.shell("connection.cursor().execute('CREATE SCHEMA acme')")
        with site({"default": self.of_schema("acme")}, self.redis) as tenant:
            tenant.shell("migrate(); User.objects.create(username='a'); User.objects.create(username='b'); flush()")
        found = self.original.shell(
            """
            read = []
            def use(schema):
                connection.cursor().execute(f"SET search_path TO {schema}")
            for schemas in (("public", "acme"), ("acme", "public", "acme", "pg_catalog"), ("public", "acme", "public")):
                with transaction.atomic():
                    for schema in schemas:
                        use(schema)
                        if schema != "pg_catalog":
                            notify(1)
                            read.append(wrong())
                for schema in ("public", "acme"):
                    use(schema)
                    read.append(wrong())
                    flush()
                    read.append(wrong())
            print(json.dumps(read))
            """
        )
        self.assertEqual([one for one in found if one], [])

    def test_a_schema_that_is_copied_within_the_database_is_noticed(self) -> None:
        self.original.shell(
            """
            cursor = connection.cursor()
            cursor.execute("CREATE SCHEMA acme")
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in cursor.fetchall():
                cursor.execute(f"CREATE TABLE acme.{table} (LIKE public.{table} INCLUDING ALL)")
                cursor.execute(f"INSERT INTO acme.{table} SELECT * FROM public.{table}")
            """
        )
        with site({"default": self.of_schema("acme")}, self.redis) as tenant:
            self.assertEqual(tenant.wrong(), {})
            self.assertIn("is a copy of another one", tenant.flush())
            self.assertEqual(tenant.wrong(), {})
            self.assert_untouched(self.original)

    def test_a_role_that_may_not_ask_for_the_cluster_works_all_the_same(self) -> None:
        name = f"role_{self.database['NAME']}"
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        self.addCleanup(lambda: connection.cursor().execute(f"DROP ROLE {name}"))
        code = f"""
            cursor = connection.cursor()
            cursor.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
            cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
            cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {name}")
        """
        self.original.shell(code)
        self.addCleanup(self.original.shell, f"connection.cursor().execute('DROP OWNED BY {name}')")
        with site({"default": {**self.database, "USER": name, "PASSWORD": "x"}}, self.redis) as other:
            other.shell("transaction.set_autocommit(False); print(json.dumps(wrong())); transaction.rollback()")
            self.assertEqual(other.wrong(), {})
            other.flush()
            self.assertEqual(other.wrong(), {})
