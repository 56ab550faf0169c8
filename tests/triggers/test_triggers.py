"""Counters by triggers of the database: whatever changes rows, and whoever does, is counted in its own transaction."""

from __future__ import annotations

import random
import unittest
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from notifications_counter.capture.bulk import update_of_key
from notifications_counter.capture.listen import connect
from notifications_counter.capture.sources import exact_source
from notifications_counter.ledger.tables import Delta
from notifications_counter.querysets import NotificationQuerySet
from tests.support.base import finish, heavy, start_child
from tests.support.parcels import COUNTERS, PLACES, TABLE, Letter, TriggerTestCase, of_team, raw
from tests.support.walks import OPERATIONS, SEED, seeds
from tests.testapp.models import NOON, ODD_TEXT, OwnerParcels, Parcel, PlaceParcels, ReaderLetters, Team, TeamParcels

postgresql = unittest.skipUnless(connection.vendor == "postgresql", "of PostgreSQL")
mariadb = unittest.skipUnless(connection.vendor == "mysql", "of MariaDB")
sqlite = unittest.skipUnless(connection.vendor == "sqlite", "of SQLite")


class RawSqlTest(TriggerTestCase):
    def test_an_insert_counts_what_the_condition_holds_for(self) -> None:
        for state, weight in (("open", 1), ("shut", 1), ("open", 6), ("open", None)):
            raw(
                f"INSERT INTO {TABLE} (owner_id, state, weight, note) VALUES (%s, %s, %s, '')",
                self.user.pk,
                state,
                weight,
            )
        self.assertEqual(self.owned(), [2, 0, 0])

    def test_an_insert_from_a_select_counts_each_key(self) -> None:
        for user in (self.user, self.user, self.other):
            self.parcel(owner=user)
        raw(f"INSERT INTO {TABLE} (owner_id, place, state, note) SELECT owner_id, 'b', state, note FROM {TABLE}")
        self.assertEqual(self.owned(), [4, 2, 0])
        self.assertEqual(PlaceParcels.everything.value("b"), 3)

    def test_an_update_counts_the_condition_and_the_key_before_and_after(self) -> None:
        one, two = self.parcel(), self.parcel()
        raw(f"UPDATE {TABLE} SET state = 'shut' WHERE id = %s", one.pk)
        self.assertEqual(self.owned(), [1, 0, 0])
        raw(f"UPDATE {TABLE} SET owner_id = %s, state = 'open'", self.other.pk)
        self.assertEqual(self.owned(), [0, 2, 0])
        raw(f"UPDATE {TABLE} SET owner_id = %s, weight = 9 WHERE id = %s", self.user.pk, two.pk)
        self.assertEqual(self.owned(), [0, 1, 0])
        raw(f"UPDATE {TABLE} SET owner_id = NULL")
        self.assertEqual(self.owned(), [0, 0, 0])
        raw(f"UPDATE {TABLE} SET owner_id = %s, weight = NULL", self.user.pk)
        self.assertEqual(self.owned(), [2, 0, 0])

    def test_a_changed_primary_key_changes_no_count(self) -> None:
        self.parcel()
        raw(f"UPDATE {TABLE} SET id = id + 1000")
        self.assertEqual(self.owned(), [1, 0, 0])

    def test_a_delete_counts_what_counted(self) -> None:
        self.parcel(state="shut")
        self.parcel()
        self.parcel(owner=self.other)
        raw(f"DELETE FROM {TABLE} WHERE owner_id = %s", self.user.pk)
        self.assertEqual(self.owned(), [0, 1, 0])
        raw(f"DELETE FROM {TABLE}")
        self.assertEqual(self.owned(), [0, 0, 0])

    def test_rows_without_a_key_count_nowhere(self) -> None:
        raw(f"INSERT INTO {TABLE} (state, note) VALUES ('open', '')")
        raw(f"UPDATE {TABLE} SET state = 'shut'")
        raw(f"DELETE FROM {TABLE}")
        self.assertEqual(Delta.objects.count(), 0)

    def test_an_update_of_other_columns_leaves_no_delta(self) -> None:
        self.parcel()
        before = Delta.objects.count()
        raw(f"UPDATE {TABLE} SET code = 'x'")
        raw(f"UPDATE {TABLE} SET state = state, owner_id = owner_id, weight = 2, note = 'even'")
        self.assertEqual(Delta.objects.count(), before)

    def test_a_key_differs_from_one_in_other_letters(self) -> None:
        self.parcel(place="a")
        raw(f"UPDATE {TABLE} SET place = 'A'")
        self.assertEqual(PlaceParcels.everything.values(["a", "A"]), {"a": 0, "A": 1})

    def test_a_rollback_takes_the_deltas_along(self) -> None:
        self.parcel()
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            raw(f"UPDATE {TABLE} SET owner_id = %s", self.other.pk)
            self.assertEqual(self.owned(), [0, 1, 0])
            raise ZeroDivisionError
        self.assertEqual(self.owned(), [1, 0, 0])
        with transaction.atomic():
            raw("SAVEPOINT by_hand")
            raw(f"DELETE FROM {TABLE}")
            raw("ROLLBACK TO SAVEPOINT by_hand")
            self.assertEqual(self.owned(), [1, 0, 0])
            raw(f"UPDATE {TABLE} SET code = 'x'")
            raw(f"UPDATE {TABLE} SET state = 'shut'")
        self.assertEqual(self.owned(), [0, 0, 0])

    def test_a_statement_that_fails_halfway_counts_nothing(self) -> None:
        self.parcel(code="x")
        with self.assertRaises(IntegrityError):
            raw(
                f"INSERT INTO {TABLE} (owner_id, state, note, code)"
                " VALUES (%s, 'open', '', 'y'), (%s, 'open', '', 'x')",
                self.user.pk,
                self.user.pk,
            )
        self.assertEqual(self.owned(), [1, 0, 0])

    def test_a_flush_stores_what_triggers_left(self) -> None:
        for _ in range(3):
            self.parcel()
        self.assertEqual(OwnerParcels.counter.status().rows, 3)
        flushed = OwnerParcels.counter.flush()
        self.assertEqual((flushed.keys, flushed.amount), (1, 3))
        self.assertEqual(OwnerParcels.objects.get(user=self.user).parcels, 3)
        self.assertEqual(OwnerParcels.counter.status().rows, 0)
        raw(f"DELETE FROM {TABLE}")
        self.assertEqual(self.owned(), [0, 0, 0])


class ConditionTest(TriggerTestCase):
    def test_odd_text_is_a_condition_and_a_key_as_any_other(self) -> None:
        for note in (ODD_TEXT, "odd", ODD_TEXT[:-1], "", ODD_TEXT.replace("\\", "\\\\")):
            self.parcel(note=note, place=ODD_TEXT)
        self.assertEqual(PlaceParcels.counter.value(ODD_TEXT), 2)
        self.assertEqual(set(Delta.objects.filter(counter__contains="Place").values_list("key", flat=True)), {ODD_TEXT})
        raw(f"UPDATE {TABLE} SET note = 'odd'")
        self.assertEqual(PlaceParcels.counter.value(ODD_TEXT), 5)

    def test_keys_are_written_as_key_text_writes_them(self) -> None:
        self.parcel()
        for counter, key in ((OwnerParcels.counter, self.user.pk), (TeamParcels.counter, self.teams[0].pk)):
            self.assertEqual(Delta.objects.get(counter=counter.label).key, counter.key_text(key))

    def test_null_and_negation_are_what_the_queryset_says(self) -> None:
        for weight in (None, 1, 3, 5, 8):
            for moment in (None, NOON, NOON - timedelta(hours=1)):
                self.parcel(weight=weight, delivered_at=moment)
        self.check_all()
        for weight in (None, 2, 6):
            raw(f"UPDATE {TABLE} SET weight = %s", weight)
            self.check_all(f"weight {weight}")


class BulkTest(TriggerTestCase):
    def rows(self, *codes: str, **values: Any) -> list[Parcel]:
        return [Parcel(**{"owner": self.user, "code": code} | values) for code in codes]

    def test_bulk_create_ignoring_conflicts_counts_the_rows_that_it_made(self) -> None:
        self.parcel(code="x")
        Parcel.objects.bulk_create(self.rows("x", "y", "z"), ignore_conflicts=True)
        self.assertEqual(self.owned(), [3, 0, 0])

    def test_bulk_create_updating_conflicts_counts_what_each_row_was(self) -> None:
        self.parcel(code="x")
        self.parcel(code="y", state="shut")
        unique = [] if connection.vendor == "mysql" else ["code"]
        Parcel.objects.bulk_create(
            self.rows("x", "y", "z", owner=self.other),
            update_conflicts=True,
            update_fields=["owner", "state"],
            unique_fields=unique or None,
        )
        self.assertEqual(self.owned(), [0, 3, 0])

    def test_bulk_update_counts_each_row(self) -> None:
        rows = [self.parcel() for _ in range(4)]
        for place, row in enumerate(rows):
            row.state, row.owner = ("open", "shut")[place % 2], self.other
        Parcel.objects.bulk_update(rows, ["state", "owner"])
        self.assertEqual(self.owned(), [0, 2, 0])

    def test_update_with_expressions_counts_what_they_come_to(self) -> None:
        for weight in (1, 5, None):
            self.parcel(weight=weight)
        self.assertEqual(Parcel.objects.update(weight=F("weight") + 1), 3)
        self.assertEqual(self.owned(), [2, 0, 0])
        Parcel.objects.update(state=Case(When(weight=None, then=Value("shut")), default=F("state")))
        self.assertEqual(self.owned(), [1, 0, 0])

    def test_create_save_and_delete_count_once(self) -> None:
        row = self.parcel()
        self.assertEqual(Parcel.objects.get().pk, row.pk)
        row.weight = 6
        row.save()
        self.assertEqual(self.owned(), [0, 0, 0])
        row.weight = 2
        row.save(update_fields=["weight"])
        row.delete()
        self.assertEqual(self.owned(), [0, 0, 0])
        self.assertEqual(Parcel.objects.create(owner=self.user).pk, Parcel.objects.get().pk)

    def test_a_cascade_by_django_counts_the_rows_that_went(self) -> None:
        self.parcel()
        self.parcel(team=self.teams[1])
        self.teams[0].delete()
        self.assertEqual(self.owned(), [1, 0, 0])
        OwnerParcels.counter.flush()
        self.user.delete()
        self.assertEqual(TeamParcels.counter.value(self.teams[1].pk), 0)

    def test_a_count_row_that_is_deleted_takes_nothing_along(self) -> None:
        self.parcel()
        OwnerParcels.counter.flush()
        OwnerParcels.objects.get().delete()
        self.assertEqual(self.owned(), [1, 0, 0])


class BesideSignalsTest(TriggerTestCase):
    def test_signals_do_not_listen_for_a_counter_with_triggers(self) -> None:
        self.assertIsNone(exact_source(Parcel))
        connect(OwnerParcels.counter)
        self.assertIsNone(exact_source(Parcel))

    def test_another_counter_on_the_same_source_may_use_signals(self) -> None:
        source = exact_source(Letter)
        assert source is not None
        self.assertEqual(source.counters, [ReaderLetters.signals])
        letter = Letter.objects.create(reader=self.user)
        Letter.objects.bulk_create([Letter(reader=self.user), Letter(reader=self.other)])
        letter.has_read = True
        letter.save()
        Letter.objects.filter(reader=self.other).delete()
        for counter in (ReaderLetters.triggers, ReaderLetters.signals):
            self.assertEqual(list(counter.values(self.users).values()), [1, 0, 0], counter)

    def test_update_counted_and_add_do_not_count_again(self) -> None:
        self.parcel()
        rows = Parcel.objects.filter(owner=self.user, state="open")
        self.assertEqual(update_of_key(rows, OwnerParcels.counter, self.user.pk, -1, state="shut"), 1)
        self.assertEqual(self.owned(), [0, 0, 0])
        OwnerParcels.counter.add({self.user: 5})
        self.assertEqual(self.owned(), [0, 0, 0])

    def test_mark_as_read_leaves_the_counting_to_triggers(self) -> None:
        class Letters(NotificationQuerySet):
            pass

        Letter.objects.create(reader=self.user)
        self.assertEqual(Letters(Letter).mark_as_read(), 1)
        self.assertEqual(Letters(Letter).mark_as_read(), 0)
        for counter in (ReaderLetters.triggers, ReaderLetters.signals):
            self.assertEqual(counter.value(self.user), 0)


@heavy
class WalkTest(TriggerTestCase):
    """Random changes of every kind, compared with COUNT(*) after each."""

    def test_every_value_is_count_after_every_step(self) -> None:
        for seed in seeds(2):
            self.random = random.Random(seed)
            names = [name for name in dir(self) if name.startswith("do_")]
            for step in range(OPERATIONS // 8):
                name = self.random.choice(names)
                self.act(name)
                if self.random.random() < 0.1:
                    self.random.choice(COUNTERS).flush(chunk_size=self.random.choice([2, None]))
                self.check_all(f"after {name}, step {step}, seed {seed}")
            for counter in COUNTERS:
                counter.flush()
            self.check_all(f"after the last flush, seed {seed}")
        print(f"NC_SEED={SEED}: {OPERATIONS // 4} random changes of parcels", flush=True)

    def act(self, name: str) -> None:
        kept = self.random.random() < 0.8
        with transaction.atomic():
            getattr(self, name)()
            if self.random.random() < 0.3:
                self.check_all(f"inside {name}")
            transaction.set_rollback(not kept)

    def values(self) -> dict[str, Any]:
        choose = self.random.choice
        return {
            "owner_id": choose([None, *(user.pk for user in self.users)]),
            "team": choose([None, *self.teams]),
            "place": choose([None, *PLACES]),
            "state": choose(["open", "shut"]),
            "weight": choose([None, 1, 2, 5, 6, 8]),
            "note": choose(["", "odd", ODD_TEXT]),
            "delivered_at": choose([None, NOON, NOON - timedelta(days=1), timezone.now() + timedelta(days=999)]),
        }

    def some(self) -> Any:
        return Parcel.objects.filter(pk__in=self.random.sample(self.pks(), min(3, len(self.pks()))))

    def pks(self) -> list[int]:
        return list(Parcel.objects.order_by("pk").values_list("pk", flat=True))

    def do_create(self) -> None:
        Parcel.objects.create(**self.values())

    def do_bulk_create(self) -> None:
        Parcel.objects.bulk_create([Parcel(**self.values()) for _ in range(self.random.randrange(1, 5))])

    def do_update_some_columns(self) -> None:
        values = self.values()
        chosen = self.random.sample(sorted(values), self.random.randrange(1, 4))
        self.some().update(**{name: values[name] for name in chosen})

    def do_update_expression(self) -> None:
        self.some().update(weight=F("weight") + self.random.choice([-3, 1]))

    def do_save(self) -> None:
        for row in self.some():
            for name, value in self.values().items():
                setattr(row, name, value)
            row.save(update_fields=self.random.choice([None, ["owner", "note"], ["code"], ["team", "state"]]))

    def do_save_stale(self) -> None:
        stale = list(self.some())
        self.some().update(state="shut", place=None)
        for row in stale:
            row.save()

    def do_delete(self) -> None:
        self.some().delete()

    def do_raw_update(self) -> None:
        user = self.random.choice(self.users).pk
        raw(f"UPDATE {TABLE} SET owner_id = CASE WHEN state = 'open' THEN %s END, place = note WHERE id %% 3 = 0", user)

    def do_raw_delete(self) -> None:
        if len(self.pks()) > 12:
            raw(f"DELETE FROM {TABLE} WHERE id %% 2 = %s", self.random.randrange(2))

    def do_raw_insert(self) -> None:
        if len(self.pks()) < 30:
            raw(
                f"INSERT INTO {TABLE} (owner_id, team_id, place, state, weight, note, delivered_at)"
                f" SELECT owner_id, team_id, place, state, weight + 1, 'odd', delivered_at FROM {TABLE}"
            )

    def do_letters(self) -> None:
        Letter.objects.create(reader=self.random.choice(self.users), has_read=self.random.random() < 0.5)
        Letter.objects.filter(pk__lt=self.random.randrange(1, 40)).delete()

    def do_move_team(self) -> None:
        one, two = self.teams
        raw(f"UPDATE {TABLE} SET team_id = %s WHERE team_id = %s", of_team(one), of_team(two))


@heavy
class ManyProcessesTest(TriggerTestCase):
    def test_two_processes_changing_the_same_rows_beside_a_flush_end_exact(self) -> None:
        for place in range(30):
            self.parcel(owner=self.users[place % 3], team=self.teams[place % 2])
        ids = ",".join(str(user.pk) for user in self.users)
        writers = [start_child("write_parcels", seed, ids) for seed in seeds(2)]
        while any(writer.poll() is None for writer in writers):
            OwnerParcels.counter.flush(chunk_size=7)
        self.assertEqual([finish(writer) for writer in writers], [200, 200])
        self.check_all()
        OwnerParcels.counter.flush()
        stored = {row.pk: row.parcels for row in OwnerParcels.objects.all()}
        self.assertEqual([stored.get(user.pk, 0) for user in self.users], self.owned())


@postgresql
class PostgreSQLTest(TriggerTestCase):
    def test_copy_is_counted(self) -> None:
        with connection.cursor() as cursor, cursor.copy(f"COPY {TABLE} (owner_id, state, note) FROM STDIN") as copy:
            for user in (self.user, self.user, self.other):
                copy.write_row((user.pk, "open", ""))
        self.assertEqual(self.owned(), [2, 1, 0])

    def test_a_statement_leaves_one_delta_for_each_key_whose_sum_is_not_zero(self) -> None:
        Parcel.objects.bulk_create([Parcel(owner=user) for user in self.users for _ in range(50)])
        deltas = Delta.objects.filter(counter=OwnerParcels.counter.label)
        self.assertEqual(sorted(deltas.values_list("key", "amount")), [(str(user.pk), 50) for user in self.users])
        deltas.all().delete()
        self.addCleanup(self.check_all)
        raw(
            f"UPDATE {TABLE} SET owner_id = CASE owner_id WHEN %s THEN %s ELSE owner_id END",
            self.user.pk,
            self.other.pk,
        )
        self.assertEqual(
            sorted(deltas.values_list("key", "amount")), [(str(self.user.pk), -50), (str(self.other.pk), 50)]
        )
        for user in self.users:
            Delta.objects.create(counter=OwnerParcels.counter.label, key=str(user.pk), amount=50)

    def test_truncate_takes_every_count_along(self) -> None:
        self.parcel()
        self.parcel(owner=self.other)
        OwnerParcels.counter.flush()
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            raw(f"TRUNCATE {TABLE}")
            self.assertEqual(self.owned(), [0, 0, 0])
            raise ZeroDivisionError
        self.assertEqual(self.owned(), [1, 1, 0])
        raw(f"TRUNCATE {Team._meta.db_table} CASCADE")
        self.assertEqual(Parcel.objects.count(), 0)
        self.assertEqual(self.owned(), [0, 0, 0])

    def test_an_upsert_and_a_merge_are_counted(self) -> None:
        self.parcel(code="x")
        raw(
            f"INSERT INTO {TABLE} (owner_id, state, note, code) VALUES (%s, 'open', '', 'x'), (%s, 'open', '', 'y')"
            " ON CONFLICT (code) DO UPDATE SET owner_id = EXCLUDED.owner_id",
            self.other.pk,
            self.other.pk,
        )
        self.assertEqual(self.owned(), [0, 2, 0])
        if connection.pg_version >= 150000:
            raw(
                f"MERGE INTO {TABLE} p USING (VALUES ('x'), ('z')) v(code) ON p.code = v.code"
                " WHEN MATCHED THEN UPDATE SET state = 'shut'"
                " WHEN NOT MATCHED THEN INSERT (owner_id, state, note, code) VALUES (%s, 'open', '', v.code)",
                self.user.pk,
            )
            self.assertEqual(self.owned(), [1, 1, 0])

    def test_a_cascade_by_the_database_is_counted(self) -> None:
        raw(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT test_cascade FOREIGN KEY (team_id)"
            f" REFERENCES {Team._meta.db_table} (id) ON DELETE CASCADE"
        )
        self.addCleanup(raw, f"ALTER TABLE {TABLE} DROP CONSTRAINT test_cascade")
        self.parcel()
        self.parcel(team=self.teams[1])
        raw(f"DELETE FROM {Team._meta.db_table} WHERE id = %s", self.teams[0].pk)
        self.assertEqual(self.owned(), [1, 0, 0])

    def test_a_column_changed_by_a_trigger_for_each_row_is_counted(self) -> None:
        self.parcel()
        raw(
            "CREATE FUNCTION test_shut() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN NEW.state = ''shut''; RETURN NEW; END'"
        )
        self.addCleanup(raw, "DROP FUNCTION test_shut() CASCADE")
        raw(f"CREATE TRIGGER test_shut BEFORE UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION test_shut()")
        raw(f"UPDATE {TABLE} SET code = 'x'")
        self.assertEqual(self.owned(), [0, 0, 0])

    def test_a_statement_inside_a_statement_is_counted(self) -> None:
        """The inner one names other columns, and ends first."""
        self.parcel()
        self.parcel()
        raw(
            f"CREATE FUNCTION test_inner() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF pg_trigger_depth() = 1 THEN"
            f" UPDATE {TABLE} SET code = id::text; UPDATE {TABLE} SET weight = 9 WHERE id <> OLD.id; END IF;"
            " RETURN NULL; END'"
        )
        self.addCleanup(raw, "DROP FUNCTION test_inner() CASCADE")
        raw(f"CREATE TRIGGER test_inner AFTER UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION test_inner()")
        raw(f"UPDATE {TABLE} SET owner_id = %s WHERE id = (SELECT min(id) FROM {TABLE})", self.other.pk)
        self.assertEqual(self.owned(), [0, 1, 0])

    def test_several_updates_in_one_statement_are_counted(self) -> None:
        """For all of them together PostgreSQL calls the triggers once, as if only one had been there."""
        one, two, three = self.parcel(), self.parcel(), self.parcel()
        for values in ((one.pk, two.pk, three.pk), (two.pk, one.pk, three.pk)):
            raw(
                f"WITH a AS (UPDATE {TABLE} SET code = id::text WHERE id = %s),"
                f" b AS (UPDATE {TABLE} SET owner_id = {self.other.pk} WHERE id = %s)"
                f" UPDATE {TABLE} SET note = 'odd' WHERE id = %s",
                *values,
            )
            self.check_all()

    def test_another_search_path_changes_nothing(self) -> None:
        with transaction.atomic():
            raw("SET LOCAL search_path = pg_catalog")
            raw(f"INSERT INTO public.{TABLE} (owner_id, state, note) VALUES (%s, 'open', '')", self.user.pk)
        self.assertEqual(self.owned(), [1, 0, 0])


@mariadb
class MariaDBTest(TriggerTestCase):
    def test_replace_and_upsert_are_counted(self) -> None:
        self.parcel(code="x")
        values = (self.other.pk, self.other.pk)
        raw(
            f"REPLACE INTO {TABLE} (owner_id, state, note, code) VALUES (%s, 'open', '', 'x'), (%s, 'open', '', 'y')",
            *values,
        )
        self.assertEqual(self.owned(), [0, 2, 0])
        raw(
            f"INSERT INTO {TABLE} (owner_id, state, note, code) VALUES (%s, 'open', '', 'x'), (%s, 'open', '', 'z')"
            " ON DUPLICATE KEY UPDATE state = 'shut'",
            *values,
        )
        self.assertEqual(self.owned(), [0, 2, 0])


@sqlite
class SQLiteTest(TriggerTestCase):
    def replace(self) -> None:
        raw(f"REPLACE INTO {TABLE} (owner_id, state, note, code) VALUES (%s, 'open', '', 'x')", self.other.pk)

    def test_replace_is_counted_with_recursive_triggers(self) -> None:
        self.parcel(code="x")
        raw("PRAGMA recursive_triggers = ON")
        self.addCleanup(raw, "PRAGMA recursive_triggers = OFF")
        self.replace()
        self.assertEqual(self.owned(), [0, 1, 0])

    def test_a_cascade_by_the_database_is_counted(self) -> None:
        self.parcel()
        self.parcel(team=self.teams[1])
        ((sql,),) = self.rows("SELECT sql FROM sqlite_master WHERE name = %s", TABLE)
        reference = 'REFERENCES "testapp_team" ("id")'
        self.assertIn(reference, sql)
        self.rebuild(sql.replace(reference, f"{reference} ON DELETE CASCADE"))
        self.addCleanup(self.rebuild, sql)
        raw(f"DELETE FROM {Team._meta.db_table} WHERE id = %s", of_team(self.teams[0]))
        self.assertEqual(Parcel.objects.count(), 1)
        self.assertEqual(self.owned(), [1, 0, 0])

    def rows(self, sql: str, *parameters: Any) -> list[Any]:
        with connection.cursor() as cursor:
            return cursor.execute(sql, parameters).fetchall()

    def rebuild(self, sql: str) -> None:
        """Make the table anew from this SQL, with its rows, its index and its triggers."""
        kept = self.rows("SELECT sql FROM sqlite_master WHERE tbl_name = %s AND type <> 'table' AND sql <> ''", TABLE)
        with connection.constraint_checks_disabled():
            raw(sql.replace(f'"{TABLE}"', '"rebuilt"', 1))
            raw(f"INSERT INTO rebuilt SELECT * FROM {TABLE}")
            raw(f"DROP TABLE {TABLE}")
            raw(f"ALTER TABLE rebuilt RENAME TO {TABLE}")
            for (each,) in kept:
                raw(each)
