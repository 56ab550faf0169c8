"""Documents follow what they are made of, whatever way it changes."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.test import tag

from notifications_counter.projections.tables import DocumentSetAside, OutdatedDocuments, ProjectionProgress

from .base import MemoryCase, flush_all, wanted
from .memory import MemorySink
from .models import Category, Item, Review, Tag


class Rollback(Exception):
    pass


class FollowingTest(MemoryCase):
    def setUp(self) -> None:
        super().setUp()
        self.shoes = Category.objects.create(name="shoes")
        self.blue = Tag.objects.create(name="blue")
        self.item = Item.objects.create(title="A blue shoe", category=self.shoes)
        self.item.tags.add(self.blue)
        self.review = Review.objects.create(item=self.item, text="fits well")
        self.assert_in_step()
        self.assertEqual(MemorySink.documents()[str(self.item.pk)]["category"], "shoes")

    def title(self) -> str:
        return MemorySink.documents()[str(self.item.pk)]["title"]

    def test_a_saved_row(self) -> None:
        self.item.title = "A red shoe"
        self.item.save()
        self.assert_in_step()
        self.assertEqual(self.title(), "A red shoe")

    def test_an_update(self) -> None:
        Item.objects.filter(pk=self.item.pk).update(title="Another", price=F("price") + 1)
        self.assert_in_step()
        self.assertEqual(self.title(), "Another")

    def test_rows_created_and_updated_in_bulk(self) -> None:
        rows = Item.objects.bulk_create([Item(title=f"number {number}") for number in range(30)])
        self.assert_in_step()
        for row in rows:
            row.stock = row.pk
        Item.objects.bulk_update(rows, ["stock"])
        self.assert_in_step()
        self.assertEqual(MemorySink.documents()[str(rows[3].pk)]["stock"], rows[3].pk)

    def test_a_deleted_row(self) -> None:
        self.item.delete()
        self.assert_in_step()
        self.assertEqual(MemorySink.documents(), {})

    def test_rows_deleted_by_a_queryset(self) -> None:
        Item.objects.bulk_create([Item(title=f"number {number}") for number in range(30)])
        flush_all()
        Item.objects.filter(title__startswith="number").delete()
        self.assert_in_step()
        self.assertEqual(len(MemorySink.documents()), 1)

    def test_a_row_that_comes_back_with_its_key(self) -> None:
        key = self.item.pk
        self.item.delete()
        self.assert_in_step()
        Item.objects.create(pk=key, title="again")
        self.assert_in_step()
        self.assertEqual(MemorySink.documents()[str(key)]["title"], "again")

    def test_a_row_that_the_filter_hides_and_shows(self) -> None:
        Item.objects.update(is_hidden=True)
        self.assert_in_step()
        self.assertEqual(MemorySink.documents(), {})
        Item.objects.update(is_hidden=False)
        self.assert_in_step()
        self.assertEqual(self.title(), "A blue shoe")

    def test_a_renamed_row_of_another_model(self) -> None:
        self.shoes.name = "boots"
        self.shoes.save()
        self.assert_in_step()
        self.assertEqual(MemorySink.documents()[str(self.item.pk)]["category"], "boots")

    def test_a_deleted_row_of_another_model(self) -> None:
        self.shoes.delete()
        self.assert_in_step()
        self.assertIsNone(MemorySink.documents()[str(self.item.pk)]["category"])

    def test_rows_that_refer_to_it(self) -> None:
        self.review.text = "fits badly"
        self.review.save()
        self.assert_in_step()
        self.assertEqual(MemorySink.documents()[str(self.item.pk)]["reviews"], ["fits badly"])
        other = Item.objects.create(title="Another")
        Review.objects.update(item=other)
        self.assert_in_step()
        Review.objects.all().delete()
        self.assert_in_step()
        self.assertEqual(MemorySink.documents()[str(other.pk)]["reviews"], [])

    def test_rows_of_an_automatic_table_between_two_models(self) -> None:
        red = Tag.objects.create(name="red")
        self.item.tags.set([red])
        self.assert_in_step()
        self.assertEqual(MemorySink.documents()[str(self.item.pk)]["tags"], ["red"])
        red.items.clear()
        self.assert_in_step()
        self.assertEqual(MemorySink.documents()[str(self.item.pk)]["tags"], [])
        self.blue.items.add(self.item)
        self.assert_in_step()
        Tag.objects.filter(pk=self.blue.pk).update(name="navy")
        self.assert_in_step()
        self.blue.delete()
        self.assert_in_step()

    def test_what_is_rolled_back_is_not_sent(self) -> None:
        sent = MemorySink.sent
        try:
            with transaction.atomic():
                Item.objects.update(title="never")
                raise Rollback
        except Rollback:
            pass
        self.assertFalse(OutdatedDocuments.objects.exists())
        flush_all()
        self.assertEqual(MemorySink.sent, sent)
        self.assertEqual(self.title(), "A blue shoe")

    def test_columns_that_no_document_has_are_not_noted(self) -> None:
        Item.objects.update(unseen=5)
        Category.objects.update(note="changed")
        self.assertFalse(OutdatedDocuments.objects.exists())

    def test_a_row_that_changes_often_is_sent_once(self) -> None:
        sent = MemorySink.sent
        for number in range(50):
            Item.objects.update(stock=number)
        self.assert_in_step()
        self.assertEqual(MemorySink.sent, sent + 1)

    def test_many_rows_that_hold_something_of_another(self) -> None:
        Item.objects.bulk_create([Item(title=f"number {number}", category=self.shoes) for number in range(2500)])
        flush_all()
        self.shoes.name = "boots"
        self.shoes.save()
        flush_all()
        self.assert_in_step()


class SinkTest(MemoryCase):
    def test_what_changes_while_the_sink_is_away_stays_pending_and_is_said_once(self) -> None:
        MemorySink.is_away = True
        Item.objects.create(title="One")
        with self.assertLogs("notifications_counter", "ERROR") as logged:
            flush_all()
            flush_all()
        self.assertEqual([line for line in logged.output if "away" in line], logged.output)
        self.assertEqual(len(logged.output), 1)
        self.assertTrue(OutdatedDocuments.objects.exists())
        MemorySink.is_away = False
        with self.assertLogs("notifications_counter", "WARNING") as logged:
            self.assert_in_step()
        self.assertIn("takes documents again", logged.output[0])
        self.assertFalse(OutdatedDocuments.objects.exists())

    def test_a_refused_document_is_set_aside_by_name_and_keeps_no_other_from_being_sent(self) -> None:
        rows = [Item.objects.create(title=f"number {number}") for number in range(3)]
        MemorySink.refuses = {str(rows[1].pk)}
        with self.assertLogs("notifications_counter", "ERROR") as logged:
            flush_all()
        self.assertIn(f"document of '{rows[1].pk}' was set aside", logged.output[0])
        self.assertEqual(set(MemorySink.documents()), {str(rows[0].pk), str(rows[2].pk)})
        MemorySink.refuses = set()
        rows[1].save()
        Item.objects.filter(pk=rows[1].pk).update(stock=4)
        self.assert_in_step()
        self.assertFalse(DocumentSetAside.objects.exists())

    def test_an_older_document_never_replaces_a_newer_one(self) -> None:
        row = Item.objects.create(title="One")
        flush_all()
        versions = [MemorySink.kept()[str(row.pk)].version]
        for number in range(3):
            Item.objects.update(stock=number + 1)
            flush_all()
            versions.append(MemorySink.kept()[str(row.pk)].version)
        self.assertEqual(versions, sorted(set(versions)))

    def test_a_rebuild_makes_all_documents_anew(self) -> None:
        Item.objects.bulk_create([Item(title=f"number {number}", is_hidden=number % 3 == 0) for number in range(1200)])
        self.assertEqual(Item.search.rebuild(), 1200)
        self.assertEqual(MemorySink.documents(), wanted())

    @tag("long")
    def test_the_flushes_build_an_index_that_nobody_has_built(self) -> None:
        Item.objects.bulk_create([Item(title=f"number {number}") for number in range(3000)])
        MemorySink.clear()
        ProjectionProgress.objects.all().delete()
        for _ in range(30):
            flush_all()
            if len(MemorySink.documents()) == 3000:
                break
        self.assertEqual(MemorySink.documents(), wanted())
