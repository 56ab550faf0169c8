"""The embedded sink, in the database of the rows."""

from __future__ import annotations

import time

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from notifications_counter.contrib.search import NotSupported
from notifications_counter.contrib.search.models import SearchDocument
from notifications_counter.contrib.search.sinks.database.sink import dialect_for
from notifications_counter.projections.tables import OutdatedDocuments
from tests.support.base import CounterTestCase

from .contract import SearchContract
from .models import Crate, Item


class DatabaseSinkTest(SearchContract, CounterTestCase):
    @property
    def stems(self) -> bool:
        return connection.vendor != "mysql"

    def test_a_change_is_found_with_its_commit_and_without_a_flush(self) -> None:
        with transaction.atomic():
            Item.objects.create(title="Umbrella")
            if connection.vendor != "mysql":  # MariaDB finds by words what was committed, and nothing else
                self.assertEqual(self.titles("umbrella"), {"Umbrella"})
        self.assertEqual(self.titles("umbrella"), {"Umbrella"})
        Item.objects.update(title="Parasol")
        self.assertEqual(Item.search.search("parasol").total, 4)
        self.assertEqual(self.titles("umbrella"), set())
        self.assertFalse(OutdatedDocuments.objects.exists())

    def test_a_very_long_text_is_saved_and_its_beginning_is_found(self) -> None:
        text = " ".join(f"w{number:x}" for number in range(300_000))
        Item.objects.create(title="Encyclopedia", text=text)
        end = time.monotonic() + 20  # MariaDB did not always find it at once, while it stored so many words
        while connection.vendor == "mysql" and not self.titles("w1000") and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual(self.titles("w1000"), {"Encyclopedia"})
        self.assertEqual(self.titles("encyclopedia"), {"Encyclopedia"})

    def test_words_of_other_scripts_are_found(self) -> None:
        for title in ("Быстрая лиса", "日本語 テスト", "Größe Übermut", "हिन्दी भाषा"):
            Item.objects.create(title=title)
            for word in title.split():
                self.assertEqual(self.titles(word), {title}, word)

    def test_what_is_rolled_back_is_not_found(self) -> None:
        with transaction.atomic():
            Item.objects.create(title="Umbrella")
            Item.objects.filter(pk=self.hat.pk).delete()
            transaction.set_rollback(True)
        self.assertEqual(self.titles("umbrella"), set())
        self.assertEqual(self.titles("straw"), {"Straw hat"})

    def test_what_triggers_see_follows_at_the_flush(self) -> None:
        Crate.search.rebuild()
        Crate.objects.create(code="a", name="wooden")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE search_tests_crate SET name = 'plastic'")
        self.settle()
        self.assertEqual([hit.key for hit in Crate.search.search("plastic")], ["a"])
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM search_tests_crate")
        self.settle()
        self.assertEqual(Crate.search.search().total, 0)

    def test_a_language_of_its_own_and_typing_errors_in_a_search_are_refused(self) -> None:
        with self.assertRaisesMessage(NotSupported, "cannot find words with typing errors"):
            Item.search.search("shoe", typos=True)
        with self.assertRaisesMessage(NotSupported, "query in a language of its own"):
            Item.search.raw({})

    def test_a_suggestion_may_be_typed_wrongly_on_postgresql(self) -> None:
        if connection.vendor != "postgresql":
            self.skipTest("only PostgreSQL knows words that are alike")
        self.assertEqual([one.text for one in Item.search.suggest("runing")], ["Blue running shoe"])
        self.assertEqual([one.text for one in Item.search.suggest("blue shooe")], ["Blue running shoe"])

    def test_migrate_mends_what_is_beside_the_table_on_sqlite(self) -> None:
        if connection.vendor != "sqlite":
            self.skipTest("the others have columns and indexes of the table itself")
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE notifications_counter_search_document_fts_english")
        call_command("migrate", verbosity=0)
        self.assertEqual(self.titles("straw"), {"Straw hat"})
        self.assertEqual(Item.search.sink.status(Item.search, using="default"), {"documents": 3, "tombstones": 0})

    def test_the_status_says_where_sqlites_tables_disagree(self) -> None:
        if connection.vendor != "sqlite":
            self.skipTest("the others have columns and indexes of the table itself")
        dialect_for("default").fill()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM notifications_counter_search_document_fts_names")
        problems = Item.search.sink.status(Item.search, using="default")["problems"]
        self.assertIn("differs from the table of documents in 3 rows", problems[0])

    def test_the_audit_mends_a_document_that_somebody_has_changed(self) -> None:
        SearchDocument.objects.filter(key=str(self.hat.pk)).update(digest="other")
        SearchDocument.objects.filter(key=str(self.boot.pk)).delete()
        with self.assertLogs("notifications_counter", "ERROR"), self.assertRaises(CommandError):
            call_command("search_index", "--check", verbosity=0)
        self.assert_in_step()
