"""Migrations that say how PostgreSQL keeps the tables of count models."""

from __future__ import annotations

import unittest
from io import StringIO
from typing import Any
from unittest import mock

from django.core.management import call_command
from django.db import connection, connections, migrations, models, router
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter, OperationWriter
from django.test import SimpleTestCase, TransactionTestCase

from notifications_counter.fillfactor import SetFillFactor
from tests.testapp.models import InboxCount

ON_POSTGRESQL = unittest.skipUnless(connection.vendor == "postgresql", "of PostgreSQL")
BUILT_IN = "notifications_counter_usernotificationscount"


def parameters(table: str, using: str = "default") -> list[str]:
    """The storage parameters that a table was given."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = %s AND relkind = 'r'", [table])
        ((found,),) = cursor.fetchall()
    return found or []


def migrate_to(name: str, using: str = "default") -> None:
    call_command("migrate", "notifications_counter", name, verbosity=0, database=using)


class BuiltInCountsTest(TransactionTestCase):
    databases = {"default", "other"}

    def setUp(self) -> None:
        for using in self.databases:
            self.addCleanup(call_command, "migrate", verbosity=0, database=using)

    @ON_POSTGRESQL
    def test_migrate_leaves_room_in_the_table_of_the_built_in_counts_on_each_database(self) -> None:
        for using in self.databases:
            self.assertEqual(parameters(BUILT_IN, using), ["fillfactor=50"])

    @ON_POSTGRESQL
    def test_the_migration_is_undone_and_done_again(self) -> None:
        migrate_to("0001")
        self.assertEqual(parameters(BUILT_IN), [])
        self.assertEqual(parameters(BUILT_IN, "other"), ["fillfactor=50"])
        migrate_to("0002")
        self.assertEqual(parameters(BUILT_IN), ["fillfactor=50"])

    @ON_POSTGRESQL
    def test_a_database_on_which_the_model_does_not_belong_is_left_alone(self) -> None:
        migrate_to("0001")
        refuse = mock.Mock(spec=["allow_migrate"], **{"allow_migrate.return_value": False})
        with mock.patch.object(router, "routers", [refuse]):
            apply(SetFillFactor("UserNotificationsCount"), "notifications_counter")
        self.assertEqual(parameters(BUILT_IN), [])

    @ON_POSTGRESQL
    def test_sqlmigrate_shows_the_statement(self) -> None:
        out = StringIO()
        call_command("sqlmigrate", "notifications_counter", "0002", stdout=out, no_color=True)
        self.assertIn(f'ALTER TABLE "{BUILT_IN}" SET (fillfactor = 50);', out.getvalue())
        self.assertIn("-- Set the fill factor of the table of UserNotificationsCount", out.getvalue())

    @unittest.skipIf(connection.vendor == "postgresql", "of the other databases")
    def test_other_databases_are_asked_for_nothing(self) -> None:
        with connection.schema_editor(collect_sql=True) as editor:
            apply(SetFillFactor("UserNotificationsCount"), "notifications_counter", editor)
            apply(SetFillFactor("UserNotificationsCount"), "notifications_counter", editor, backwards=True)
        self.assertEqual(editor.collected_sql, [])
        migrate_to("0001")
        migrate_to("0002")


def apply(operation: Any, app_label: str, editor: Any = None, backwards: bool = False) -> None:
    state: ProjectState = MigrationLoader(connection).project_state()
    if editor is None:
        with connection.schema_editor() as opened:
            return apply(operation, app_label, opened, backwards)
    (operation.database_backwards if backwards else operation.database_forwards)(app_label, editor, state, state)


class OwnCountsTest(TransactionTestCase):
    table = InboxCount._meta.db_table

    @ON_POSTGRESQL
    def test_a_count_model_of_ones_own_gets_the_room_that_it_asks_for_and_gives_it_back(self) -> None:
        for operation, expected in (
            (SetFillFactor("InboxCount"), "fillfactor=50"),
            (SetFillFactor("inboxcount", fill_factor=70), "fillfactor=70"),
        ):
            apply(operation, "testapp")
            self.assertEqual(parameters(self.table), [expected])
            apply(operation, "testapp", backwards=True)
            self.assertEqual(parameters(self.table), [])

    @ON_POSTGRESQL
    def test_it_may_stand_in_the_migration_that_creates_the_table(self) -> None:
        fields = [("id", models.BigAutoField(primary_key=True)), ("number", models.BigIntegerField(default=0))]
        migration = migrations.Migration("0001_initial", "support")
        migration.operations = [migrations.CreateModel("OpenTickets", fields), SetFillFactor("OpenTickets")]
        with connection.schema_editor(atomic=True) as editor:
            migration.apply(ProjectState(), editor)
        self.assertEqual(parameters("support_opentickets"), ["fillfactor=50"])
        with connection.schema_editor(atomic=True) as editor:
            migration.unapply(ProjectState(), editor)
        self.assertNotIn("support_opentickets", connection.introspection.table_names())

    @ON_POSTGRESQL
    def test_other_parameters_of_the_table_stay(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {self.table} SET (autovacuum_vacuum_threshold = 7)")
            self.addCleanup(self.reset)
        operation = SetFillFactor("InboxCount")
        apply(operation, "testapp")
        self.assertEqual(set(parameters(self.table)), {"autovacuum_vacuum_threshold=7", "fillfactor=50"})
        apply(operation, "testapp", backwards=True)
        self.assertEqual(parameters(self.table), ["autovacuum_vacuum_threshold=7"])

    def reset(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {self.table} RESET (autovacuum_vacuum_threshold)")

    @ON_POSTGRESQL
    def test_an_update_of_all_rows_finds_room_in_their_pages(self) -> None:
        self.assertGreater(self.growth(), 1.9)
        operation = SetFillFactor("InboxCount")
        apply(operation, "testapp")
        self.addCleanup(apply, operation, "testapp", backwards=True)
        self.assertLess(self.growth(), 1.1)

    def growth(self) -> float:
        """How many times as big the table becomes when each row is changed once."""
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {self.table}")
        InboxCount.objects.bulk_create(InboxCount(pk=number) for number in range(1, 2001))
        before = self.size()
        InboxCount.objects.update(unread=models.F("unread") + 1)
        return self.size() / before

    def size(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_relation_size(%s)", [self.table])
            return int(cursor.fetchone()[0])


class OperationTest(SimpleTestCase):
    databases = {"default"}

    def test_it_can_be_written_into_a_migration(self) -> None:
        text, imports = OperationWriter(SetFillFactor("OpenTickets", fill_factor=70), 0).serialize()
        self.assertIn("import notifications_counter.fillfactor", imports)
        found: dict[str, Any] = {}
        exec("\n".join([*imports, f"found = {text.strip().rstrip(',')}"]), found)
        self.assertEqual((found["found"].model_name, found["found"].fill_factor), ("OpenTickets", 70))

    def test_it_names_its_migration(self) -> None:
        one = type("Migration", (migrations.Migration,), {"operations": [SetFillFactor("OpenTickets")]})
        self.assertEqual(one("", "support").suggest_name(), "fillfactor_of_opentickets")
        self.assertIn("SetFillFactor", MigrationWriter(one("", "support")).as_string())

    def test_the_models_need_no_further_migration(self) -> None:
        out = StringIO()
        call_command("makemigrations", "notifications_counter", check=True, dry_run=True, stdout=out)
        self.assertIn("No changes", out.getvalue())

    def test_a_fill_factor_that_is_none_is_refused_with_what_to_do(self) -> None:
        for wrong in (9, 101, "50", None, 50.0):
            with self.assertRaisesMessage(ValueError, f"{wrong!r} is no fill factor. Give a whole number, 10 to 100."):
                SetFillFactor("OpenTickets", wrong)  # type: ignore[arg-type]
