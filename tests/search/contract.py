"""What every sink does alike."""

from __future__ import annotations

import datetime
from typing import Any

from notifications_counter.contrib.search import InvalidQuery, NotSupported
from notifications_counter.contrib.search.bodies import DIGEST

from .base import flush_all, wanted
from .models import Category, Item, Review, Tag

MOMENT = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


class SearchContract:
    """Mixed into a test case whose settings name the sink."""

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        Item.search.rebuild()
        shoes, hats = Category.objects.create(name="shoes"), Category.objects.create(name="hats")
        blue, red = Tag.objects.create(name="blue"), Tag.objects.create(name="red")
        self.shoe = Item.objects.create(
            title="Blue running shoe", text="Light, for <b>long</b> runs", category=shoes, price=59, stock=3, views=10
        )
        self.boot = Item.objects.create(
            title="Red boot", text="Warm, with a blue lining", category=shoes, price="89.50", views=50, is_new=True
        )
        self.hat = Item.objects.create(
            title="Straw hat", text="Keeps the sun away", category=hats, price=20, views=5, added_at=MOMENT
        )
        self.shoe.tags.add(blue)
        self.boot.tags.add(blue, red)
        Review.objects.create(item=self.hat, text="My shoes match it")
        self.settle()

    def settle(self) -> None:
        flush_all()
        Item.search.refresh()

    def found(self, text: str = "", **options: Any) -> list[str]:
        return [hit.document["title"] for hit in Item.search.search(text, **options)]

    def titles(self, text: str = "", **options: Any) -> set[str]:
        return set(self.found(text, **options))

    def assert_in_step(self: Any) -> None:
        self.settle()
        keys = [str(pk) for pk in range(1, max(Item.objects.values_list("pk", flat=True), default=0) + 5)]
        stored = Item.search.sink.stored(Item.search, keys, using="default")
        have = {one.key: one.digest for one in stored if one.digest is not None}
        self.assertEqual(have, {key: body[DIGEST] for key, body in wanted().items()})

    # Words

    def test_every_word_must_be_found_in_any_field(self: Any) -> None:
        self.assertEqual(self.titles("blue"), {"Blue running shoe", "Red boot"})
        self.assertEqual(self.titles("BLUE lining"), {"Red boot"})
        self.assertEqual(self.titles("blue straw"), set())

    def test_words_are_found_by_their_stems_in_an_index_with_a_language(self: Any) -> None:
        if self.stems:
            self.assertEqual(self.titles("run"), {"Blue running shoe"})
        self.assertEqual(self.titles("running"), {"Blue running shoe"})

    def test_what_is_found_in_a_field_of_more_weight_comes_first(self: Any) -> None:
        self.assertEqual(self.found("blue"), ["Blue running shoe", "Red boot"])

    def test_nothing_is_found_for_punctuation_and_nothing_raises(self: Any) -> None:
        for text in ('"', "*", "' OR 1=1", "-", "(", "a:b*", "blue AND", "NEAR(", "\\", '+-><()~*"@', "%", ":*", "!"):
            with self.subTest(text):
                Item.search.search(text)
                Item.search.suggest(text)
        self.assertEqual(self.found("?!"), [])
        self.assertEqual(Item.search.suggest("?!"), [])

    def test_all_is_found_without_any_text(self: Any) -> None:
        self.assertEqual(len(self.found()), 3)

    # Filters

    def test_filters(self: Any) -> None:
        for filters, expected in (
            ({"category": "shoes"}, {"Blue running shoe", "Red boot"}),
            ({"category": ["hats", "boats"]}, {"Straw hat"}),
            ({"category": []}, set()),
            ({"tags": "red"}, {"Red boot"}),
            ({"tags": ["red", "blue"]}, {"Blue running shoe", "Red boot"}),
            ({"tags": None}, {"Straw hat"}),
            ({"price": 59}, {"Blue running shoe"}),
            ({"price": {"gte": 59}}, {"Blue running shoe", "Red boot"}),
            ({"price": {"gt": 59, "lt": 100}}, {"Red boot"}),
            ({"price": {"lte": 89.5, "gt": 20}}, {"Blue running shoe", "Red boot"}),
            ({"is_new": True}, {"Red boot"}),
            ({"is_new": False}, {"Blue running shoe", "Straw hat"}),
            ({"added_at": {"gte": MOMENT}}, {"Straw hat"}),
            ({"added_at": {"gt": MOMENT}}, set()),
            ({"added_at": {"gte": datetime.date(2026, 1, 1)}}, {"Straw hat"}),
            ({"added_at": None}, {"Blue running shoe", "Red boot"}),
            ({"category": "shoes", "stock": 3}, {"Blue running shoe"}),
        ):
            with self.subTest(filters):
                self.assertEqual(self.titles(filters=filters), expected)
        self.assertEqual(self.titles("blue", filters={"is_new": True}), {"Red boot"})

    def test_an_apostrophe_in_a_filter(self: Any) -> None:
        Category.objects.filter(name="hats").update(name='men\'s "hats"')
        self.settle()
        self.assertEqual(self.titles(filters={"category": 'men\'s "hats"'}), {"Straw hat"})

    def test_order_pages_and_the_exact_total(self: Any) -> None:
        self.assertEqual(self.found(order="price"), ["Straw hat", "Blue running shoe", "Red boot"])
        self.assertEqual(self.found(order="-price"), ["Red boot", "Blue running shoe", "Straw hat"])
        self.assertEqual(self.found(order="added_at")[0], "Straw hat")
        page = Item.search.search(order="price", page=2, size=2)
        self.assertEqual([hit.document["title"] for hit in page], ["Red boot"])
        self.assertEqual((page.total, page.pages, page.has_next, page.has_previous), (3, 2, False, True))

    def test_facets(self: Any) -> None:
        page = Item.search.search(facets=["category", "tags", "is_new", "stock"])
        self.assertEqual(list(page.facets["category"]), [("shoes", 2), ("hats", 1)])
        self.assertEqual(dict(page.facets["tags"]), {"blue": 2, "red": 1})
        self.assertEqual(dict(page.facets["is_new"]), {True: 1, False: 2})
        self.assertEqual(dict(page.facets["stock"]), {0: 2, 3: 1})
        self.assertEqual(dict(Item.search.search("lining", facets=["tags"]).facets["tags"]), {"blue": 1, "red": 1})

    def test_what_was_found_is_marked_and_everything_else_escaped(self: Any) -> None:
        hit = next(iter(Item.search.search("light", highlight=True)))
        passage = hit.highlights["text"][0]
        self.assertIn("<mark>Light</mark>", passage)
        self.assertIn("&lt;b&gt;long&lt;", passage)
        self.assertNotIn("title", hit.highlights)

    def test_hits_lead_to_rows_in_their_order(self: Any) -> None:
        page = Item.search.search(order="price")
        self.assertEqual(Item.search.rows_of(page), [self.hat, self.shoe, self.boot])

    # Suggestions

    def test_any_word_of_a_title_is_completed_and_the_most_popular_comes_first(self: Any) -> None:
        self.assertEqual([one.text for one in Item.search.suggest("b")], ["Red boot", "Blue running shoe"])
        self.assertEqual([one.text for one in Item.search.suggest("runn")], ["Blue running shoe"])
        self.assertEqual([one.text for one in Item.search.suggest("blue sh")], ["Blue running shoe"])
        self.assertEqual([one.text for one in Item.search.suggest("Stra")], ["Straw hat"])
        self.assertEqual(Item.search.suggest("  "), [])
        self.assertEqual(Item.search.suggest("t", size=1), [])
        suggested = Item.search.suggest("hat")[0]
        self.assertEqual((suggested.key, suggested.popularity), (str(self.hat.pk), 5))

    def test_the_popularity_of_a_suggestion_follows_its_row(self: Any) -> None:
        Item.objects.filter(pk=self.shoe.pk).update(views=500)
        self.settle()
        self.assertEqual([one.text for one in Item.search.suggest("b")], ["Blue running shoe", "Red boot"])

    def test_similar_documents(self: Any) -> None:
        if not Item.search.sink.supports("more_like", "default"):
            with self.assertRaises(NotSupported):
                Item.search.more_like(self.shoe)
            return
        other = Item.objects.create(title="Blue walking shoe", text="Light, for long walks")
        self.settle()
        like = Item.search.more_like(self.shoe, size=2)
        self.assertEqual(next(iter(like)).key, str(other.pk))
        self.assertNotIn(str(self.shoe.pk), [hit.key for hit in like])

    # In step

    def test_documents_follow_their_rows(self: Any) -> None:
        self.assert_in_step()
        Item.objects.filter(pk=self.shoe.pk).update(title="Green shoe", price=1)
        self.hat.delete()
        Item.objects.bulk_create([Item(title=f"cap {number}") for number in range(20)])
        Item.objects.filter(pk=self.boot.pk).update(is_hidden=True)
        self.assert_in_step()
        self.assertEqual(self.titles("boot"), set())
        self.assertEqual(self.titles("green"), {"Green shoe"})
        self.assertEqual(Item.search.search("cap").total, 20)
        self.assertEqual(self.titles("straw"), set())

    def test_a_rebuild_leaves_just_what_there_is(self: Any) -> None:
        Item.search.rebuild()
        self.assert_in_step()
        self.assertEqual(len(self.found()), 3)

    # Mistakes

    def test_a_wrong_question_is_refused_with_a_sentence(self: Any) -> None:
        for options, sentence in (
            ({"filters": {"colour": 1}}, "Unknown field 'colour'"),
            ({"filters": {"price": "cheap"}}, "'cheap' is no number"),
            ({"filters": {"title": "x"}}, "add one of kind 'keyword'"),
            ({"filters": {"price": {"above": 1}}}, "'above'"),
            ({"order": "text"}, "add one of kind 'keyword'"),
            ({"facets": ["nothing"]}, "'nothing'"),
            ({"page": 0}, "at least 1, not 0"),
            ({"size": 0}, "1 to 1,000"),
            ({"page": 1000, "size": 100}, "beyond the first 10,000"),
        ):
            with self.subTest(options), self.assertRaises(InvalidQuery) as raised:
                Item.search.search("x", **options)
            self.assertIn(sentence, str(raised.exception))
