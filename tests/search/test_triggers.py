"""Changes that Django does not see: raw SQL, in the documents of an index with triggers."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from notifications_counter.projections.tables import OutdatedDocuments

from .base import MemoryCase
from .memory import MemorySink
from .models import Crate, Shelf, Tag


class TriggerTest(MemoryCase):
    def setUp(self) -> None:
        super().setUp()
        self.shelf, self.other = Shelf.objects.create(name="upper"), Shelf.objects.create(name="lower")
        self.tag = Tag.objects.create(name="fragile")
        Crate.objects.create(code="a'1", name="first", shelf=self.shelf).labels.add(self.tag)
        Crate.objects.create(code="b,2", name="second", shelf=self.shelf)
        self.assert_in_step(Crate)

    def run_sql(self, sql: str, *parameters: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)

    def document(self, code: str) -> Any:
        return MemorySink.documents(Crate.search)[code]

    def test_the_documents_are_there(self) -> None:
        self.assertEqual(self.document("a'1")["shelf"], "upper")
        self.assertEqual(self.document("a'1")["labels"], ["fragile"])

    def test_an_update(self) -> None:
        self.run_sql("UPDATE search_tests_crate SET name = %s WHERE code = %s", "renamed", "b,2")
        self.assert_in_step(Crate)
        self.assertEqual(self.document("b,2")["name"], "renamed")

    def test_an_update_of_case_alone(self) -> None:
        self.run_sql("UPDATE search_tests_crate SET name = %s WHERE code = %s", "FIRST", "a'1")
        self.assert_in_step(Crate)
        self.assertEqual(self.document("a'1")["name"], "FIRST")

    def test_rows_that_come_and_go(self) -> None:
        self.run_sql("INSERT INTO search_tests_crate (code, name, unseen) VALUES ('c', 'third', 0)")
        self.run_sql("DELETE FROM search_tests_crate WHERE code = 'b,2'")
        self.assert_in_step(Crate)
        self.assertEqual(set(MemorySink.documents(Crate.search)), {"a'1", "c"})

    def test_rows_of_other_tables(self) -> None:
        self.run_sql("UPDATE search_tests_shelf SET name = 'top' WHERE name = 'upper'")
        self.assert_in_step(Crate)
        self.assertEqual(self.document("b,2")["shelf"], "top")
        self.run_sql("UPDATE search_tests_crate_labels SET crate_id = 'b,2'")
        self.assert_in_step(Crate)
        self.assertEqual((self.document("a'1")["labels"], self.document("b,2")["labels"]), ([], ["fragile"]))
        self.run_sql("DELETE FROM search_tests_crate_labels")
        self.assert_in_step(Crate)
        self.assertEqual(self.document("b,2")["labels"], [])

    def test_a_changed_primary_key(self) -> None:
        self.run_sql("UPDATE search_tests_crate SET code = 'z' WHERE code = 'b,2'")
        self.assert_in_step(Crate)
        self.assertEqual(set(MemorySink.documents(Crate.search)), {"a'1", "z"})

    def test_columns_that_no_document_has_are_not_noted(self) -> None:
        self.run_sql("UPDATE search_tests_crate SET unseen = 7")
        self.assertFalse(OutdatedDocuments.objects.exists())

    def test_what_is_rolled_back_is_not_noted(self) -> None:
        with transaction.atomic():
            self.run_sql("UPDATE search_tests_crate SET name = 'never'")
            transaction.set_rollback(True)
        self.assertFalse(OutdatedDocuments.objects.exists())

    def test_what_django_changes_is_seen_too(self) -> None:
        Crate.objects.update(name="changed")
        Crate.objects.filter(code="a'1").delete()
        self.assert_in_step(Crate)
        self.assertEqual(set(MemorySink.documents(Crate.search)), {"b,2"})
