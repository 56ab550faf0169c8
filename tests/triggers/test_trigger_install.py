"""Triggers come, change and go with ``migrate``; checks say what is not as it is declared."""

from __future__ import annotations

import io
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations import Migration, RemoveField, RenameField, SeparateDatabaseAndState
from django.db.models import Q
from django.test import SimpleTestCase, override_settings
from django.test.utils import CaptureQueriesContext, isolate_apps

from notifications_counter.checks.declarations import check_counter
from notifications_counter.counters import Counter
from notifications_counter.declaration import registry
from notifications_counter.ledger.introspection import Tables
from notifications_counter.ledger.tables import Progress
from notifications_counter.management.migrate_handlers import after_migrate, before_migrate
from notifications_counter.models import Notification
from notifications_counter.triggers.install import Triggers, by_triggers
from notifications_counter.triggers.sql import names, trigger_dialect
from tests.support.base import uses_redis
from tests.support.parcels import TABLE, TriggerTestCase, raw
from tests.testapp.models import OwnerParcels, Parcel, ReaderLetters, Team, Ticket

ours = OwnerParcels.counter


def migrate() -> str:
    out = io.StringIO()
    call_command("migrate", verbosity=1, stdout=out)
    return out.getvalue()


def said() -> list[str]:
    """What the checks of the database say about triggers."""
    found = run_checks(tags=["database"], databases=["default"])
    named = [(str(message.id).removeprefix("notifications_counter."), message) for message in found]
    return [f"{name} {message.msg}" for name, message in named if name in ("W015", "W016")]


def installed(label: str = ours.label) -> list[str]:
    known = trigger_dialect(connection)
    assert known is not None
    found = [one.name for one in known.installed() if names.label_digest(one.name) == names.digest(label)]
    return sorted(found)


@unittest.skipIf(uses_redis(), "the same with the database buffer")
class InstallTest(TriggerTestCase):
    def tearDown(self) -> None:
        migrate()
        Progress.objects.update(backfilled=True)  # as a recount would; the rows that a test leaves are all counted
        self.recount()
        super().tearDown()

    def recount(self) -> None:
        stored = ours.store()
        true = stored.actual_counts([str(pk) for pk in self.user_pks])
        found = ours.values(self.user_pks)
        stored.insert_deltas({str(pk): true[str(pk)] - found[pk] for pk in self.user_pks})

    def test_what_is_declared_is_installed_and_the_check_is_silent(self) -> None:
        expected = {"postgresql": 5}.get(connection.vendor, 3)
        self.assertEqual(len(installed()), expected)
        self.assertEqual(said(), [])

    def test_names_fit_every_database_and_tell_whose_they_are(self) -> None:
        known = trigger_dialect(connection)
        assert known is not None
        with mock.patch.object(ours, "label", "a_very_long_app_name.AVeryLongCountModelName.a_very_long_counter"):
            for part in known.parts(ours):
                self.assertLessEqual(len(part.name), 60)
                self.assertEqual(names.label_digest(part.name), names.digest(ours.label))
        for name in ("notifications_counter_mine", "other", "notifications_counter_x_12345678_1234567g_ins"):
            self.assertIsNone(names.label_digest(name))

    def test_a_migrate_touches_nothing_that_agrees(self) -> None:
        with CaptureQueriesContext(connection) as queries:
            self.assertNotIn("trigger", migrate())
        changes = [
            query["sql"] for query in queries if query["sql"].split()[0] in ("CREATE", "DROP", "ALTER", "COMMENT")
        ]
        self.assertEqual(changes, [])

    def test_a_missing_trigger_is_said_and_installed(self) -> None:
        known = trigger_dialect(connection)
        assert known is not None
        one = next(one for one in known.installed() if one.name == installed()[-1] and one.table)
        raw(known.drop(one))
        self.assertIn("W015 testapp.OwnerParcels.counter: its triggers on 'default' are not those declared.", said())
        self.parcel()
        self.assertIn("testapp.OwnerParcels.counter: installed its triggers.", migrate())
        self.assertEqual(said(), [])
        self.assertEqual(self.owned(), [1, 0, 0])

    def test_all_missing_is_said_and_what_happened_meanwhile_is_counted_anew(self) -> None:
        known = trigger_dialect(connection)
        assert known is not None
        for one in known.installed():
            if one.name in installed():
                raw(known.drop(one))
        self.assertEqual(said(), ["W015 testapp.OwnerParcels.counter: its triggers are missing on 'default'."])
        self.parcel()
        migrate()
        self.assertFalse(ours.store().snapshot([]).backfilled)
        self.assertEqual(self.owned(), [1, 0, 0])

    def test_an_empty_source_need_not_be_counted_anew(self) -> None:
        with mock.patch.object(ours, "filter", Q(state="shut")):
            migrate()
            self.assertTrue(ours.store().snapshot([]).backfilled)
        migrate()

    def test_a_changed_declaration_is_said_and_its_triggers_replaced(self) -> None:
        before = installed()
        self.parcel(state="shut")
        with mock.patch.object(ours, "filter", Q(state="shut")):
            self.assertIn("are not those declared", said()[0])
            migrate()
            self.assertEqual(said(), [])
            self.assertTrue(set(installed()).isdisjoint(before))
            self.assertEqual(self.owned(), [1, 0, 0])
            Progress.objects.update(backfilled=True)
            self.recount()
            self.parcel(state="shut")
            self.parcel()
            self.assertEqual(self.owned(), [2, 0, 0])
        migrate()
        self.assertEqual(installed(), before)

    def test_triggers_of_a_removed_counter_are_said_and_dropped(self) -> None:
        others = installed(ReaderLetters.triggers.label)
        with mock.patch.dict(registry._counters):
            del registry._counters[ours.label]
            self.assertEqual(len(said()), len(installed()))
            self.assertIn("no counter asks for this trigger any more", said()[0])
            self.assertIn("Dropped notifications_counter_testapp_ownerpar_", migrate())
            self.assertEqual(said(), [])
            self.assertEqual(installed(), [])
            self.assertEqual(installed(ReaderLetters.triggers.label), others)
            self.parcel()

    def test_triggers_of_a_counter_that_went_back_to_signals_are_dropped(self) -> None:
        self.parcel()
        with mock.patch.object(ours, "capture", "signals"):
            self.assertIn("no counter asks", said()[0])
            migrate()
            self.assertEqual(installed(), [])
            self.assertFalse(ours.store().snapshot([]).backfilled)
        migrate()

    def test_triggers_of_others_stay(self) -> None:
        body = {
            "postgresql": f"AFTER DELETE ON {TABLE} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "mysql": f"AFTER DELETE ON {TABLE} FOR EACH ROW SET @nothing = 1",
            "sqlite": f"AFTER DELETE ON {TABLE} BEGIN SELECT 1; END",
        }[connection.vendor]
        raw(f"CREATE TRIGGER notifications_counter_of_others {body}")
        on_table = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
        self.addCleanup(raw, f"DROP TRIGGER notifications_counter_of_others{on_table}")
        migrate()
        with self.assertRaises(Exception):  # noqa: B017  it is there
            raw(f"CREATE TRIGGER notifications_counter_of_others {body}")

    def test_tables_that_are_not_there_are_left_alone(self) -> None:
        tables = Tables("default")
        tables.__dict__["names"] = tables.names - {TABLE}
        self.assertNotIn("testapp.OwnerParcels.counter", [counter.label for counter in by_triggers(tables)])
        tables.__dict__["names"] = set()
        self.assertFalse(Triggers(tables).compare())

    def test_a_migration_that_renames_or_removes_a_counted_column_finds_no_trigger(self) -> None:
        self.parcel(owner=self.other)
        for operation in (RenameField("Parcel", "condition", "state"), RemoveField("Parcel", "state")):
            with self.applied(operation):
                self.assertEqual(installed(), [])
                self.parcel(owner=self.other)
            self.assertEqual(said(), [])
        self.assertEqual(self.owned(), [0, 3, 0])

    def test_a_migration_that_removes_a_column_counted_until_now_finds_no_trigger(self) -> None:
        before = installed()
        with mock.patch.object(ours, "filter", Q(note="odd")), self.applied(RemoveField("Parcel", "state")):
            self.assertEqual(installed(), [])
        migrate()
        self.assertEqual(installed(), before)

    def test_a_migration_of_another_column_lets_triggers_stand(self) -> None:
        before = installed()
        with self.applied(RemoveField("Parcel", "code")):
            self.assertEqual(installed(), before)
        with self.applied(RemoveField("Ticket", "state")):
            self.assertEqual(installed(), before)
        self.assertTrue(ours.store().snapshot([]).backfilled)

    def test_a_counted_column_may_change_its_type(self) -> None:
        self.parcel()
        wider = models.CharField(max_length=20, default="open")
        wider.set_attributes_from_name("state")
        with connection.constraint_checks_disabled(), connection.schema_editor() as editor:
            editor.alter_field(Parcel, Parcel._meta.get_field("state"), wider)
        migrate()
        self.assertEqual(said(), [])
        self.parcel(state="a longer state")
        self.assertEqual(self.owned(), [1, 0, 0])

    @contextmanager
    def applied(self, operation: Any) -> Iterator[None]:
        """As ``migrate`` with a migration of this operation."""
        one = Migration("test", "testapp")
        one.operations = [SeparateDatabaseAndState([operation])]
        before_migrate("default", [(one, False)])
        yield
        after_migrate("default")

    @unittest.skipUnless(connection.vendor == "postgresql", "of PostgreSQL")
    def test_a_disabled_trigger_is_said_and_installed(self) -> None:
        raw(f"ALTER TABLE {TABLE} DISABLE TRIGGER {installed()[-1]}")
        self.assertIn("are not those declared", said()[0])
        migrate()
        self.assertEqual(said(), [])

    @unittest.skipUnless(connection.vendor == "sqlite", "of SQLite")
    def test_a_table_that_django_made_anew_gets_its_triggers_again(self) -> None:
        with connection.constraint_checks_disabled(), connection.schema_editor() as editor:
            editor._remake_table(Parcel)
        self.assertEqual(len(said()), 4)
        migrate()
        self.assertEqual(said(), [])

    @unittest.skipUnless(connection.vendor == "mysql", "of MariaDB")
    def test_cascades_of_the_database_are_said(self) -> None:
        raw(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT test_cascade FOREIGN KEY (team_id)"
            f" REFERENCES {Team._meta.db_table} (id) ON DELETE CASCADE"
        )
        self.addCleanup(raw, f"ALTER TABLE {TABLE} DROP FOREIGN KEY test_cascade")
        self.assertIn("W016 testapp.OwnerParcels.counter: MariaDB tells no trigger what", said()[0])

    @unittest.skipUnless(connection.vendor == "sqlite", "of SQLite")
    def test_replace_without_recursive_triggers_is_said(self) -> None:
        def ids() -> list[str]:
            return [str(message.id) for message in run_checks(tags=["database"], databases=["default"])]

        self.assertEqual(ids(), ["notifications_counter.W017"])
        raw("PRAGMA recursive_triggers = ON")
        self.addCleanup(raw, "PRAGMA recursive_triggers = OFF")
        self.assertEqual(ids(), [])


class DeclarationTest(SimpleTestCase):
    databases = {"default"}

    def said(self, counter: Counter, **attributes: Any) -> str:
        with isolate_apps("tests.testapp"):
            attributes = {
                "__module__": "tests.testapp.models",
                "user": models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+"),
                "count": models.BigIntegerField(default=0),
                "counter": counter,
                **attributes,
            }
            model = type("Wrong", (models.Model,), attributes)
        messages = check_counter(model.counter)  # type: ignore[attr-defined]
        for message in messages:
            self.assertTrue(message.hint, message)
        return " ".join(f"{message.id} {message.msg}" for message in messages)

    def declared(self, *arguments: Any, **options: Any) -> Counter:
        return Counter(*arguments, **{"capture": "triggers", "buffer": "rows"} | options)

    def test_a_right_one_says_nothing(self) -> None:
        self.assertEqual(self.said(self.declared(Notification, "user", Q(has_read=False))), "")

    def test_an_unknown_capture_is_said(self) -> None:
        found = self.said(self.declared(Notification, "user", capture="trigger"))
        self.assertIn("E015", found)
        self.assertIn("Did you mean 'triggers'?", found)

    def test_triggers_without_a_source_are_said(self) -> None:
        self.assertIn("E016", self.said(self.declared()))

    def test_triggers_with_another_buffer_are_said(self) -> None:
        redis = {"BACKEND": "notifications_counter.buffers.redis.RedisBuffer", "OPTIONS": {"URL": "redis://"}}
        with override_settings(NOTIFICATIONS_COUNTER={"BUFFERS": {"rows": redis}}):
            self.assertIn("E017", self.said(self.declared(Notification, "user")))

    def test_a_column_of_a_parents_table_is_said(self) -> None:
        with isolate_apps("tests.testapp"):
            names = {"__module__": "tests.testapp.models", "priority2": models.IntegerField(default=0)}
            child = type("UrgentTicket", (Ticket,), names)
        self.assertIn("E018", self.said(self.declared(child, "assignee")))
        self.assertIn("state", self.said(self.declared(child, "ticket_ptr", Q(state="open"))))

    def test_a_key_of_another_kind_than_the_count_models_is_said(self) -> None:
        self.assertIn("E019", self.said(self.declared(Notification, "text")))
        self.assertIn("E019", self.said(self.declared(Ticket, "team")))
