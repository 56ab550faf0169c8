"""The database itself as a sink."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import connection, transaction

from notifications_counter.contrib.search import InvalidQuery, NotSupported
from notifications_counter.contrib.search.models import SearchDocument
from notifications_counter.contrib.search.sinks.database import installing
from notifications_counter.projections.documents import Document
from tests.support.base import CounterTestCase

from .base import flush_all, settings_with, wanted
from .models import Category, Crate, Item, Review, Tag


class DatabaseCase(CounterTestCase):
    """With documents in the database."""

    def setUp(self) -> None:
        super().setUp()
        settings = settings_with(SINK="database")
        settings.enable()
        self.addCleanup(settings.disable)
        Item.search.rebuild()
        Crate.search.rebuild()

    def found(self, text: str = "", **given: Any) -> list[str]:
        return [hit.document["title"] for hit in Item.search.search(text, **given)]

    def suggested(self, prefix: str, **given: Any) -> list[str]:
        return [one.text for one in Item.search.suggest(prefix, **given)]

    def assert_in_step(self, model: Any = Item) -> None:
        rows = SearchDocument.objects.filter(index_name=model.search.name)
        self.assertEqual({row.key: row.body for row in rows}, wanted(model))


class FollowingTest(DatabaseCase):
    def test_a_row_is_found_as_soon_as_it_is_committed_without_a_flush(self) -> None:
        item = Item.objects.create(title="A blue shoe")
        self.assertEqual(self.found("blue"), ["A blue shoe"])
        Item.objects.filter(pk=item.pk).update(title="A red shoe")
        self.assertEqual((self.found("blue"), self.found("red")), ([], ["A red shoe"]))
        item.delete()
        self.assertEqual(self.found("red"), [])
        self.assert_in_step()

    def test_bulk_methods_related_rows_and_the_filter(self) -> None:
        shoes, blue = Category.objects.create(name="shoes"), Tag.objects.create(name="blue")
        items = Item.objects.bulk_create([Item(title=f"number {number}", category=shoes) for number in range(30)])
        items[3].tags.add(blue)
        Review.objects.create(item=items[4], text="fits wonderfully")
        self.assertEqual(self.found("wonderfully"), ["number 4"])
        shoes.name = "boots"
        shoes.save()
        self.assertEqual(Item.search.search(filters={"category": "boots"}).total, 30)
        self.assertEqual(self.found(filters={"tags": "blue"}), ["number 3"])
        Item.objects.filter(pk__lt=items[10].pk).update(is_hidden=True)
        self.assertEqual(Item.search.search().total, 20)
        self.assert_in_step()

    def test_what_is_rolled_back_is_not_found(self) -> None:
        with transaction.atomic():
            Item.objects.create(title="never")
            transaction.set_rollback(True)
        self.assertEqual(self.found("never"), [])

    def test_rows_are_found_in_their_own_transaction_but_on_mariadb(self) -> None:
        with transaction.atomic():
            Item.objects.create(title="fresh")
            inside = self.found("fresh")
        self.assertEqual(inside, [] if connection.vendor == "mysql" else ["fresh"])
        self.assertEqual(self.found("fresh"), ["fresh"])

    def test_changes_that_triggers_capture_follow_at_the_flush(self) -> None:
        Crate.objects.create(code="a", name="first box")
        flush_all()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE search_tests_crate SET name = 'second box'")
        flush_all()
        self.assertEqual([hit.key for hit in Crate.search.search("second")], ["a"])
        self.assert_in_step(Crate)

    def test_a_key_that_comes_back_has_its_new_document(self) -> None:
        item = Item.objects.create(title="first")
        key = item.pk
        item.delete()
        Item.objects.create(pk=key, title="again")
        self.assertEqual((self.found("first"), self.found("again")), ([], ["again"]))

    def test_a_thousand_documents_take_a_few_statements(self) -> None:
        rows = Item.objects.bulk_create([Item(title=f"same words {number}") for number in range(1000)])
        body = Item.search.body(rows[0])
        documents = [Document(str(row.pk), 1, {**body, "title": "the same words"}) for row in rows]
        sink = Item.search.sink
        sink.send(Item.search, documents, using="default")
        with self.assertNumQueries({"mysql": 25}.get(connection.vendor, 5)):
            sink.send(Item.search, documents, using="default")

    def test_a_document_that_cannot_be_stored_is_refused_and_the_others_are_taken(self) -> None:
        item = Item.objects.create(title="kept")
        body = Item.search.body(item)
        documents = [
            Document("x" * 501, 1, body),
            Document("7", 1, {**body, "title": "\ud800"}),
            Document("8", 1, body),
        ]
        outcomes = {one.key[:3]: one.refused for one in Item.search.sink.send(Item.search, documents, using="default")}
        self.assertIn("longer than 500", outcomes["xxx"] or "")
        self.assertIn("UTF-8", outcomes["7"] or "")
        self.assertIsNone(outcomes["8"])


class RebuildTest(DatabaseCase):
    def test_a_rebuild_corrects_and_removes_what_is_wrong(self) -> None:
        items = Item.objects.bulk_create([Item(title=f"number {number}") for number in range(20)])
        SearchDocument.objects.filter(key=str(items[0].pk)).delete()
        SearchDocument.objects.filter(key=str(items[1].pk)).update(digest="wrong", body={})
        ghost = SearchDocument.objects.get(key=str(items[2].pk))
        ghost.pk, ghost.key = None, "999999999"
        ghost.save()
        Item.search.rebuild()
        self.assert_in_step()

    def test_the_audit_finds_each_difference(self) -> None:
        items = Item.objects.bulk_create([Item(title=f"number {number}") for number in range(20)])
        keys = [one.key for one in Item.search.sink.stored_after(Item.search, None, 1000, using="default")]
        self.assertEqual(keys, sorted(str(item.pk) for item in items))
        after = Item.search.sink.stored_after(Item.search, keys[4], 3, using="default")
        self.assertEqual([one.key for one in after], keys[5:8])
        stored = Item.search.sink.stored(Item.search, [keys[0], "999999999"], using="default")
        self.assertEqual([one.key for one in stored], [keys[0]])
        self.assertEqual(len(stored[0].digest or ""), 16)

    def test_the_status_says_how_many_documents_there_are(self) -> None:
        Item.objects.create(title="One lonely shoe")
        status = Item.search.sink.status(Item.search, using="default")
        self.assertEqual((status["documents"], status["tombstones"], status["full text"]), (1, 0, "installed"))

    def test_what_full_text_needs_comes_back_after_migrate(self) -> None:
        Item.objects.create(title="A blue shoe")
        table = SearchDocument._meta.db_table
        vendor = installing.vendor_of("default")
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER {table}_fts_insert")
            elif connection.vendor == "postgresql":
                cursor.execute("DROP INDEX nc_search_text")
            else:
                cursor.execute(f"DROP INDEX nc_search_text ON {table}")
        self.assertFalse(vendor.is_installed())
        installing.after_migrate("default")
        self.assertTrue(vendor.is_installed())
        self.assertEqual(self.found("blue"), ["A blue shoe"])


class WordsTest(DatabaseCase):
    def setUp(self) -> None:
        super().setUp()
        Item.objects.create(title="A blue running shoe", text="of leather", views=1)
        Item.objects.create(title="The red boot", text="Wird größer: Übermut, naïve café. to be", views=5)
        Item.objects.create(title="Leather belt", text="blue blue", views=3)

    def test_each_word_must_be_found_in_any_of_the_fields(self) -> None:
        self.assertEqual(self.found("blue leather shoe"), ["A blue running shoe"])
        self.assertEqual(set(self.found("blue LEATHER")), {"A blue running shoe", "Leather belt"})
        self.assertEqual(self.found("blue boot"), [])

    def test_words_of_other_scripts_are_found(self) -> None:
        for title in ("हिन्दी भाषा", "Быстрая лиса", "日本語 テスト", "שָׁלוֹם עולם"):
            Item.objects.create(title=title)
            for word in title.split():
                self.assertEqual(self.found(word), [title])
            self.assertEqual(self.suggested(title[:2]), [title])

    def test_short_and_frequent_words_are_found(self) -> None:
        self.assertEqual(self.found("the"), ["The red boot"])
        self.assertEqual(self.found("a shoe"), ["A blue running shoe"])
        self.assertEqual(self.found("to be"), ["The red boot"])

    def test_case_and_accents_do_not_matter(self) -> None:
        for text in ("GRÖSSER", "großer", "ubermut", "Café", "NAIVE"):
            self.assertEqual(self.found(text), ["The red boot"], text)

    def test_a_stem_is_enough_on_postgresql(self) -> None:
        expected = ["A blue running shoe"] if connection.vendor == "postgresql" else []
        self.assertEqual(self.found("runs shoes"), expected)

    def test_a_text_without_any_word_finds_nothing_and_no_text_finds_all(self) -> None:
        for text in ("!?", "' \" ( ) * : & | \\", "___", "+ -"):
            self.assertEqual(self.found(text), [], text)
        self.assertEqual(len(self.found("")), 3)

    def test_what_people_type_is_never_a_part_of_a_query(self) -> None:
        for text in (
            *('"', "'", "blue'", "blue\\", "blue:*", "blue & !leather", "-blue", "+blue -leather", "blue*", "(blue"),
            *("NEAR(blue leather)", "blue OR boot", "title:blue", "{text_a}: blue", "100% blue", "blue_shoe", "~blue"),
            *("@blue", "<blue>", "blue<->shoe", "%s", "%(p0)s", ";DROP TABLE x", "blue NOT shoe", "^blue", "\x01blue"),
        ):
            self.assertIsInstance(self.found(text), list, text)
            self.assertIsInstance(self.suggested(text), list, text)
        self.assertEqual(set(self.found("-blue")), {"A blue running shoe", "Leather belt"})
        self.assertEqual(self.found("blue OR boot"), [])

    def test_a_word_in_a_field_of_more_weight_comes_first(self) -> None:
        if connection.vendor != "mysql":
            self.assertEqual(self.found("leather"), ["Leather belt", "A blue running shoe"])

    def test_what_was_found_is_marked_and_all_else_is_escaped(self) -> None:
        Item.objects.create(title="<b>Blue</b> & wide", text="x " * 300 + "a blue end")
        hits = {hit.document["title"]: hit for hit in Item.search.search("blue", highlight=True)}
        hit = hits["<b>Blue</b> & wide"]
        self.assertEqual(hit.highlights["title"], ["&lt;b&gt;<mark>Blue</mark>&lt;/b&gt; &amp; wide"])
        self.assertIn("a <mark>blue</mark> end", hit.highlights["text"][0])
        self.assertLess(len(hit.highlights["text"][0]), 250)
        self.assertEqual(list(hits["A blue running shoe"].highlights), ["title"])

    def test_stems_are_marked_on_postgresql(self) -> None:
        if connection.vendor == "postgresql":
            (hit,) = Item.search.search("runs", highlight=True)
            self.assertEqual(hit.highlights["title"], ["A blue <mark>running</mark> shoe"])

    def test_words_with_a_typing_error_are_found_on_demand(self) -> None:
        self.assertEqual(self.found("leahter belt", typos=True), ["Leather belt"])
        self.assertEqual(self.found("leahter belt"), [])
        (hit,) = Item.search.search("leater belt", typos=True, highlight=True)
        self.assertEqual(hit.highlights["title"], ["<mark>Leather</mark> <mark>belt</mark>"])

    def test_similar_documents(self) -> None:
        item = Item.objects.get(title="A blue running shoe")
        if connection.vendor == "postgresql":
            with self.assertRaisesRegex(NotSupported, "similar"):
                Item.search.more_like(item)
        else:
            found = [hit.document["title"] for hit in Item.search.more_like(item)]
            self.assertEqual(found[0], "Leather belt")
            self.assertNotIn(item.title, found)


class FilterTest(DatabaseCase):
    def setUp(self) -> None:
        super().setUp()
        shoes, boots = Category.objects.create(name="shoes"), Category.objects.create(name="Shoes")
        blue, red = Tag.objects.create(name="blue"), Tag.objects.create(name='it\'s "red"')
        day = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)
        self.one = Item.objects.create(title="one", category=shoes, price="9.90", stock=2, is_new=True, added_at=day)
        self.two = Item.objects.create(title="two", category=boots, price="10.10", stock=10)
        self.three = Item.objects.create(
            title="three", price="100", stock=-3, added_at=day + datetime.timedelta(days=1)
        )
        self.one.tags.add(blue, red)
        self.two.tags.add(blue)
        self.day = day

    def titles(self, **filters: Any) -> set[str]:
        page = Item.search.search(filters=filters)
        self.assertEqual(page.total, len(page.hits))
        return set(self.found(filters=filters))

    def test_keywords(self) -> None:
        self.assertEqual(self.titles(category="shoes"), {"one"})
        self.assertEqual(self.titles(category=["shoes", "Shoes"]), {"one", "two"})
        self.assertEqual(self.titles(category="shoe"), set())
        self.assertEqual(self.titles(category=[]), set())

    def test_lists(self) -> None:
        self.assertEqual(self.titles(tags="blue"), {"one", "two"})
        self.assertEqual(self.titles(tags='it\'s "red"'), {"one"})
        self.assertEqual(self.titles(tags=['it\'s "red"', "green"]), {"one"})

    def test_nothing(self) -> None:
        self.assertEqual(self.titles(category=None), {"three"})
        self.assertEqual(self.titles(tags=None), {"three"})
        self.assertEqual(self.titles(added_at=None), {"two"})

    def test_numbers(self) -> None:
        self.assertEqual(self.titles(stock=10), {"two"})
        self.assertEqual(self.titles(price=10.1), {"two"})
        self.assertEqual(self.titles(price={"gte": 10, "lt": 100}), {"two"})
        self.assertEqual(self.titles(price={"gt": 9.9}), {"two", "three"})
        self.assertEqual(self.titles(stock={"lte": 2}), {"one", "three"})

    def test_booleans(self) -> None:
        self.assertEqual(self.titles(is_new=True), {"one"})
        self.assertEqual(self.titles(is_new=[False]), {"two", "three"})

    def test_dates(self) -> None:
        self.assertEqual(self.titles(added_at=self.day), {"one"})
        self.assertEqual(self.titles(added_at={"gt": self.day}), {"three"})
        self.assertEqual(self.titles(added_at={"gte": datetime.date(2026, 5, 2)}), {"three"})

    def test_several_with_words(self) -> None:
        self.assertEqual(self.found("one", filters={"tags": "blue", "price": {"lt": 10}}), ["one"])
        self.assertEqual(self.found("two", filters={"tags": "blue", "price": {"lt": 10}}), [])

    def test_order_with_nothing_last(self) -> None:
        self.assertEqual(self.found(order="price"), ["one", "two", "three"])
        self.assertEqual(self.found(order="-price"), ["three", "two", "one"])
        self.assertEqual(self.found(order="-stock"), ["two", "one", "three"])
        self.assertEqual(self.found(order="added_at"), ["one", "three", "two"])
        self.assertEqual(self.found(order="-added_at"), ["three", "one", "two"])

    def test_facets_count_all_hits(self) -> None:
        page = Item.search.search(facets=["tags", "is_new", "stock", "added_at", "category"], size=1)
        self.assertEqual(page.total, 3)
        self.assertEqual(page.facets["tags"], [("blue", 2), ('it\'s "red"', 1)])
        self.assertEqual(page.facets["is_new"], [(False, 2), (True, 1)])
        self.assertEqual(dict(page.facets["stock"]), {-3: 1, 2: 1, 10: 1})
        self.assertEqual(dict(page.facets["category"]), {"shoes": 1, "Shoes": 1})
        self.assertEqual(page.facets["added_at"][0][0], "2026-05-01T12:00:00.000000Z")
        self.assertEqual(Item.search.search("one", facets=["tags"]).facets["tags"], [("blue", 1), ('it\'s "red"', 1)])

    def test_pages_are_whole_and_disjoint(self) -> None:
        Item.objects.bulk_create([Item(title=f"number {number}") for number in range(45)])
        pages = [Item.search.search("number", page=page) for page in (1, 2, 3, 4)]
        self.assertEqual([(len(page), page.total) for page in pages], [(20, 45), (20, 45), (5, 45), (0, 45)])
        self.assertEqual(len({hit.key for page in pages for hit in page}), 45)

    def test_a_wrong_filter_is_refused(self) -> None:
        with self.assertRaises(InvalidQuery):
            Item.search.search(filters={"x') OR 1=1 --": 1})


class SuggestTest(DatabaseCase):
    def setUp(self) -> None:
        super().setUp()
        titles = ["Blue sneakers", "Red shoes", "Shoe cleaner", "Blue shoes", "Übergröße", "Sandals"]
        for number, title in enumerate(titles):
            Item.objects.create(title=title, text="shovel", views=number)

    def test_any_word_begins_so_and_the_most_popular_comes_first(self) -> None:
        self.assertEqual(self.suggested("sho"), ["Blue shoes", "Shoe cleaner", "Red shoes"])
        self.assertEqual(self.suggested("sho", size=1), ["Blue shoes"])
        self.assertEqual(self.suggested("s"), ["Sandals", "Blue shoes", "Shoe cleaner", "Red shoes", "Blue sneakers"])
        self.assertEqual(self.suggested("ubergr"), ["Übergröße"])

    def test_each_word_typed_counts_and_only_the_last_may_be_unfinished(self) -> None:
        self.assertEqual(self.suggested("blue s"), ["Blue shoes", "Blue sneakers"])
        self.assertEqual(self.suggested("sneakers bl"), ["Blue sneakers"])
        self.assertEqual(self.suggested("sho cleaner"), [])

    def test_nothing_vanishes_while_the_frequent_is_typed(self) -> None:
        Item.objects.create(title="The running shoe", views=9)
        for prefix in ("t", "th", "the", "the r", "the runn", "the running", "the running shoe"):
            self.assertEqual(self.suggested(prefix)[:1], ["The running shoe"], prefix)

    def test_a_letter_may_be_wrong_missing_exchanged_or_too_much(self) -> None:
        for typed in ("sneekers", "snekers", "snaekers", "sneaakers", "sneke", "blue snekers", "bleu sneak"):
            self.assertEqual(self.suggested(typed)[:1], ["Blue sneakers"], typed)
        self.assertEqual(set(self.suggested("sheo")), {"Blue shoes", "Shoe cleaner", "Red shoes"})
        self.assertEqual(self.suggested("xyzzy"), [])

    def test_popularity_follows_its_counter(self) -> None:
        Item.objects.filter(title="Red shoes").update(views=100)
        (first, *_) = Item.search.suggest("sho")
        self.assertEqual((first.text, first.popularity), ("Red shoes", 100))

    def test_the_same_text_is_suggested_once(self) -> None:
        Item.objects.bulk_create([Item(title="Red shoes") for _ in range(3)])
        self.assertEqual(self.suggested("red sh"), ["Red shoes"])

    def test_a_prefix_that_only_unpopular_documents_have_is_found(self) -> None:
        from notifications_counter.contrib.search.sinks.database import suggesting

        walked, suggesting.WALKED = suggesting.WALKED, 2
        self.addCleanup(setattr, suggesting, "WALKED", walked)
        self.assertEqual(self.suggested("sho"), ["Blue shoes", "Shoe cleaner", "Red shoes"])
        self.assertEqual(self.suggested("sneekers"), ["Blue sneakers"])


class WriteTest(DatabaseCase):
    def test_random_changes_leave_documents_and_rows_alike(self) -> None:
        import random

        from tests.support.walks import SEED

        chance = random.Random(SEED)
        shoes = Category.objects.create(name="shoes")
        for number in range(40):
            kind = chance.randrange(6)
            if kind == 0:
                Item.objects.bulk_create([Item(title=f"bulk {number} {place}") for place in range(5)])
            elif kind == 1:
                Item.objects.create(title=f"one {number}", category=shoes)
            elif kind == 2:
                Item.objects.filter(pk__in=list(Item.objects.order_by("?").values_list("pk", flat=True)[:3])).delete()
            elif kind == 3:
                Item.objects.update(stock=number)
            elif kind == 4:
                Category.objects.update(name=f"shoes {number}")
            else:
                with transaction.atomic():
                    Item.objects.update(title="never")
                    transaction.set_rollback(True)
        flush_all()
        self.assert_in_step()
        self.assertEqual(self.found("never"), [])
