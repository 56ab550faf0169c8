"""What every sink must do, by the interface that a site has. A test case of a sink inherits ``SinkContract``."""

from __future__ import annotations

import datetime
import io
from typing import TYPE_CHECKING, Any

from django.core.management import CommandError, call_command
from django.db import connection, transaction

from notifications_counter.contrib.search import InvalidQuery, NotSupported, Page
from notifications_counter.contrib.search.conf import get_sink
from notifications_counter.projections.documents import Document
from notifications_counter.projections.flushing import flush_projection
from tests.support.base import CounterTestCase

from .base import settings_with
from .models import Category, Crate, Item, Review, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What has a meaning in the query languages of sinks, and none in a search box.
HOSTILE = (
    *('"', '"blue', "blue OR", "AND", "NOT blue", "blue*", "*", "(", "blue)", "title:blue", "blue~2", "^", "\\", "'"),
    *(
        "a:b:c",
        "-",
        "--",
        "; DROP TABLE x",
        "%",
        "_",
        "blue\0shoe",
        "{}",
        "[1 TO 2]",
        "/x/",
        "&&",
        "!",
        "<b>",
        "\ufffe",
    ),
    *(
        "\U0001f600",
        "x" * 5000,
        "word " * 3000,
        "NEAR(a b)",
        "#",
        "$1",
        "'':*",
        ":*",
        "a & b",
        "|",
        "\u3042",
        "e\u0301",
    ),
)


class SinkContract(CounterTestCase):
    """Documents of items, in the sink that ``options`` say."""

    #: Whether "shoe" finds "shoes" in an index whose language is English.
    has_stems = True
    #: How many different words differ in their accents only: none where "cafe" finds "caf\u00e9".
    folds_accents = True

    def options(self) -> dict[str, Any]:
        """The settings of search."""
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        settings = settings_with(**self.options())
        settings.enable()
        self.addCleanup(settings.disable)
        self.sink = get_sink()
        Item.search.rebuild()

    # What a test says

    def behind_djangos_back(self, statement: str) -> None:
        """Change rows in a way that nobody tells the index of."""
        with connection.cursor() as cursor:
            cursor.execute(statement)

    def supports(self, what: str) -> bool:
        return self.sink.supports(what, "default")

    def make(self, title: str, **values: Any) -> Item:
        return Item.objects.create(title=title, **values)

    def settle(self) -> None:
        """Let all be found that was committed."""
        flush_projection(Item.search)
        Item.search.refresh()

    def search(self, text: str = "", **more: Any) -> Page:
        self.settle()
        return Item.search.search(text, **more)

    def titles(self, text: str = "", **more: Any) -> list[str]:
        return [hit.document["title"] for hit in self.search(text, **more)]

    def suggested(self, prefix: str, **more: Any) -> list[str]:
        self.settle()
        return [one.text for one in Item.search.suggest(prefix, **more)]

    def assert_titles(self, expected: Iterable[str], text: str = "", **more: Any) -> None:
        self.assertCountEqual(self.titles(text, **more), expected)

    def assert_in_step(self) -> None:
        """The audit finds no difference."""
        try:
            call_command("search_index", "search_tests.Item.search", check=True, stdout=io.StringIO())
        except CommandError as error:
            raise AssertionError(str(error)) from error

    # Words

    def test_each_word_must_be_found_in_any_field_of_text(self) -> None:
        self.make("Blue shoe", text="for the rain")
        self.make("Blue hat", text="for the sun")
        self.make("Red shoe")
        self.assert_titles(["Blue shoe", "Blue hat"], "blue")
        self.assert_titles(["Blue shoe"], "SHOE rain")
        self.assert_titles([], "blue snow")
        self.assert_titles(["Blue shoe", "Blue hat", "Red shoe"])

    def test_words_of_rows_that_lead_here_are_found(self) -> None:
        item = self.make("Blue shoe")
        Review.objects.create(item=item, text="very comfortable")
        Review.objects.create(item=item, text="too small")
        self.assert_titles(["Blue shoe"], "comfortable")
        Review.objects.filter(text="very comfortable").delete()
        self.assert_titles([], "comfortable")
        self.assert_titles(["Blue shoe"], "small")

    def test_text_without_a_word_finds_nothing(self) -> None:
        self.make("Blue shoe & more")
        for text in ("&", "-", "...", '"', "* ?"):
            self.assertEqual(self.search(text).total, 0, text)
        self.assert_titles(["Blue shoe & more"], "shoe &")

    def test_text_of_blanks_is_no_text(self) -> None:
        self.make("Blue shoe")
        self.assert_titles(["Blue shoe"], "  ")

    def test_nothing_that_is_typed_is_an_error(self) -> None:
        self.make("Blue shoe")
        self.settle()
        for text in HOSTILE:
            with self.subTest(text[:20]):
                Item.search.search(text, highlight=self.supports("highlighting"), typos=self.supports("typos"))
                Item.search.suggest(text)

    def test_words_are_compared_without_their_case(self) -> None:
        self.make("GR\u00dcNER Tee")
        self.assert_titles(["GR\u00dcNER Tee"], "gr\u00fcner")

    def test_words_are_found_by_their_stems(self) -> None:
        self.make("Running shoes")
        self.assert_titles(["Running shoes"] if self.has_stems else [], "shoe")
        self.assert_titles(["Running shoes"], "shoes")

    def test_word_that_a_language_leaves_out_hides_nothing(self) -> None:
        self.make("The blue shoe")
        self.assert_titles(["The blue shoe"], "the shoe")

    def test_heavier_field_comes_first(self) -> None:
        self.make("Box", text="a lamp, well packed, and nothing else in it at all")
        self.make("Lamp", text="something for a table and for the evening too")
        self.assertEqual(self.titles("lamp"), ["Lamp", "Box"])

    # Filters, pages, order, facets

    def test_filters(self) -> None:
        shoes, hats = (Category.objects.create(name=name) for name in ("Shoes", "Hats & caps"))
        moment = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
        self.make("a", category=shoes, price="9.50", stock=1, is_new=True, added_at=moment)
        self.make("b", category=hats, price="19.99", stock=2)
        tagged = self.make("c", price="100", stock=3)
        tagged.tags.add(Tag.objects.create(name="Sale"), Tag.objects.create(name="Last one"))
        for filters, expected in (
            ({"category": "Shoes"}, "a"),
            ({"category": "shoes"}, ""),
            ({"category": ["Shoes", "Hats & caps"]}, "ab"),
            ({"category": []}, ""),
            ({"category": None}, "c"),
            ({"tags": "Last one"}, "c"),
            ({"price": 9.5}, "a"),
            ({"price": {"gte": 9.5, "lt": 100}}, "ab"),
            ({"price": {"gt": 9.5}, "stock": [1, 2]}, "b"),
            ({"stock": 3}, "c"),
            ({"is_new": True}, "a"),
            ({"is_new": False}, "bc"),
            ({"added_at": moment}, "a"),
            ({"added_at": {"gt": moment}}, ""),
            ({"added_at": {"gte": datetime.date(2026, 3, 1)}}, "a"),
            ({"added_at": None}, "bc"),
        ):
            with self.subTest(filters):
                self.assert_titles(expected, filters=filters)
        self.assert_titles(["b"], "b", filters={"stock": {"lte": 2}})
        self.assert_titles([], "a", filters={"stock": 2})

    def test_wrong_filter_is_refused_before_the_sink_is_asked(self) -> None:
        with self.assertRaisesMessage(InvalidQuery, "colour"):
            Item.search.search(filters={"colour": "red"})

    def test_pages(self) -> None:
        for number in range(7):
            self.make(f"Shoe {number}", stock=number)
        page = self.search("shoe", page=2, size=3, order="stock")
        self.assertEqual([hit.document["stock"] for hit in page], [3, 4, 5])
        self.assertEqual((page.total, page.number, page.pages, page.has_next, page.has_previous), (7, 2, 3, True, True))
        self.assertEqual([hit.document["stock"] for hit in self.search("shoe", page=3, size=3, order="stock")], [6])
        self.assertEqual(len(self.search("shoe", page=4, size=3)), 0)

    def test_pages_are_apart_where_all_match_alike(self) -> None:
        for _ in range(9):
            self.make("Shoe")
        keys = [hit.key for number in (1, 2, 3) for hit in self.search("shoe", page=number, size=3)]
        self.assertEqual(len(set(keys)), 9)

    def test_order(self) -> None:
        moment = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
        self.make("b", price="2", added_at=moment)
        self.make("a", price="10")
        self.make("c", price="1.5", added_at=moment + datetime.timedelta(days=1))
        self.assertEqual(self.titles(order="price"), ["c", "b", "a"])
        self.assertEqual(self.titles(order="-price"), ["a", "b", "c"])
        self.assertEqual(self.titles(order="added_at"), ["b", "c", "a"])
        self.assertEqual(self.titles(order="-added_at"), ["c", "b", "a"], "without a value last")

    def test_facets_count_all_hits(self) -> None:
        shoes, hats = (Category.objects.create(name=name) for name in ("Shoes", "Hats"))
        for number in range(5):
            self.make("Blue", category=shoes if number < 3 else hats, stock=number % 2, is_new=number == 0)
        self.make("Red", category=hats)
        page = self.search("blue", size=1, facets=["category", "stock", "is_new"])
        self.assertEqual(list(page.facets["category"]), [("Shoes", 3), ("Hats", 2)])
        self.assertEqual(list(page.facets["stock"]), [(0, 3), (1, 2)])
        self.assertEqual(dict(page.facets["is_new"]), {True: 1, False: 4})
        page = self.search("blue", filters={"stock": 1}, facets=["category"])
        self.assertEqual(dict(page.facets["category"]), {"Shoes": 1, "Hats": 1})
        self.assertEqual(dict(self.search("&", facets=["category"]).facets.get("category", ())), {})

    def test_facets_of_several_values_count_each(self) -> None:
        sale, new = (Tag.objects.create(name=name) for name in ("sale", "new"))
        self.make("a").tags.add(sale, new)
        self.make("b").tags.add(sale)
        self.assertEqual(dict(self.search(facets=["tags"]).facets["tags"]), {"sale": 2, "new": 1})

    def test_hit_has_the_document_and_the_row(self) -> None:
        item = self.make("Blue shoe", price="9.50", category=Category.objects.create(name="Shoes"))
        page = self.search("blue")
        self.assertEqual(page.hits[0].key, str(item.pk))
        self.assertEqual(page.hits[0].document["price"], 9.5)
        self.assertEqual(page.hits[0].document["category"], "Shoes")
        self.assertEqual(set(page.hits[0].document), set(Item.search.fields))
        self.assertEqual(Item.search.rows_of(page), [item])

    # What not every sink can do

    def refused_or(self, what: str, call: Any) -> Any:
        """What a call returns; where the sink cannot do it, a sentence must say so."""
        if self.supports(what):
            return call()
        with self.assertRaisesMessage(NotSupported, type(self.sink).__name__):
            call()
        return None

    def test_highlights_are_escaped(self) -> None:
        self.make("Blue <script>alert(1)</script> shoe", text='He said "blue" & left <mark>')
        found = self.refused_or("highlighting", lambda: self.search("blue shoe", highlight=True))
        if found:
            title = found.hits[0].highlights["title"][0]
            self.assertIn("<mark>Blue</mark> &lt;script&gt;", title)
            self.assertIn("<mark>shoe</mark>", title)
            self.assertTrue(hasattr(title, "__html__"))
            text = found.hits[0].highlights["text"][0]
            self.assertIn("<mark>blue</mark>", text)
            self.assertIn("&lt;mark&gt;", text)
            self.assertIn("&amp;", text)
            self.assertNotIn("reviews", found.hits[0].highlights)

    def test_highlights_mark_only_what_was_searched_for(self) -> None:
        self.make("Blueberry, blue and a bluebird")
        found = self.refused_or("highlighting", lambda: self.search("blue", highlight=True))
        if found:
            self.assertEqual(found.hits[0].highlights["title"], ["Blueberry, <mark>blue</mark> and a bluebird"])

    def test_typos(self) -> None:
        self.make("Keyboard")
        self.make("Blackboard")
        self.assert_titles([], "keybaord")
        found = self.refused_or("typos", lambda: self.titles("keybaord", typos=True))
        if found is not None:
            self.assertEqual(found, ["Keyboard"])

    def test_exact_word_comes_before_one_with_a_typo(self) -> None:
        self.make("Brown shore")
        self.make("Brown shoe")
        found = self.refused_or("typos", lambda: self.titles("brown shoe", typos=True))
        if found is not None:
            self.assertEqual(found[0], "Brown shoe")

    def test_more_like_a_row(self) -> None:
        first = self.make("Waterproof hiking boots", text="leather boots for hiking in the mountains")
        self.make("Light hiking boots", text="boots for the mountains")
        self.make("Coffee machine", text="makes coffee")
        self.settle()
        found = self.refused_or("more_like", lambda: Item.search.more_like(first))
        if found is not None:
            self.assertEqual([hit.document["title"] for hit in found][:1], ["Light hiking boots"])
            self.assertNotIn(str(first.pk), [hit.key for hit in found])
            self.assertNotIn("Coffee machine", [hit.document["title"] for hit in found])
            self.assertEqual(list(Item.search.more_like(0)), [])

    # Suggestions

    def test_any_word_may_begin_so(self) -> None:
        self.make("Blue running shoe")
        self.make("Red hat", text="a running joke")
        self.assertEqual(self.suggested("run"), ["Blue running shoe"])
        self.assertEqual(self.suggested("BLU"), ["Blue running shoe"])
        self.assertEqual(self.suggested("unn"), [])

    def test_nothing_vanishes_while_somebody_types(self) -> None:
        self.make("The running shoe")
        for length in range(1, len("the running shoe") + 1):
            with self.subTest("the running shoe"[:length]):
                self.assertEqual(self.suggested("the running shoe"[:length]), ["The running shoe"])

    def test_most_popular_suggestion_comes_first(self) -> None:
        for views, title in ((1, "Shoe a"), (30, "Shoe b"), (2, "Shoe c")):
            self.make(title, views=views)
        self.assertEqual(self.suggested("sho"), ["Shoe b", "Shoe c", "Shoe a"])
        self.assertEqual(self.suggested("s", size=2), ["Shoe b", "Shoe c"])
        Item.objects.filter(title="Shoe a").update(views=1000)
        self.assertEqual(self.suggested("sho")[0], "Shoe a")

    def test_suggestion_has_its_row_and_its_popularity(self) -> None:
        item = self.make("Blue shoe", views=7)
        self.settle()
        found = Item.search.suggest("blue")[0]
        self.assertEqual((found.text, found.key, found.popularity), ("Blue shoe", str(item.pk), 7))

    def test_same_text_is_suggested_once(self) -> None:
        for views in (1, 5, 3):
            self.make("Blue shoe", views=views)
        self.assertEqual(self.suggested("blue"), ["Blue shoe"])

    def test_suggestions_tolerate_typos(self) -> None:
        self.make("Keyboard", views=1)
        self.make("Blackboard", views=100)
        found = self.suggested("keybaor")
        self.assertEqual(found, ["Keyboard"] if self.supports("typos") else [])

    def test_exact_beginning_is_suggested_before_a_more_popular_typo(self) -> None:
        self.make("Shoe", views=1)
        self.make("Shove", views=100)
        self.assertEqual(self.suggested("shoe")[0], "Shoe")

    def test_nothing_is_suggested_without_a_word(self) -> None:
        self.make("Blue shoe")
        for text in ("", " ", "-", "&"):
            self.assertEqual(self.suggested(text), [], text)

    # In step with the rows

    def test_documents_follow_their_rows(self) -> None:
        item = self.make("Blue shoe")
        self.assert_titles(["Blue shoe"], "blue")
        item.title = "Red shoe"
        item.save()
        self.assert_titles([], "blue")
        self.assert_titles(["Red shoe"], "red")
        Item.objects.filter(pk=item.pk).update(is_hidden=True)
        self.assert_titles([])
        Item.objects.filter(pk=item.pk).update(is_hidden=False)
        self.assert_titles(["Red shoe"])
        item.delete()
        self.assert_titles([])
        self.assertEqual(self.suggested("red"), [])
        self.assert_in_step()

    def test_rolled_back_change_is_never_found(self) -> None:
        item = self.make("Blue shoe")
        self.settle()
        with transaction.atomic():
            Item.objects.filter(pk=item.pk).update(title="Red shoe")
            self.make("Green shoe")
            transaction.set_rollback(True)
        self.assert_titles(["Blue shoe"], "shoe")
        self.assert_in_step()

    def test_key_comes_back(self) -> None:
        item = self.make("Blue shoe")
        self.settle()
        key = item.pk
        item.delete()
        self.assert_titles([])
        self.make("Red shoe", pk=key)
        self.assert_titles(["Red shoe"])

    def test_many_rows_at_once(self) -> None:
        Item.objects.bulk_create(Item(title=f"Shoe {number}", stock=number) for number in range(1200))
        self.assertEqual(self.search("shoe", size=1).total, 1200)
        Item.objects.filter(stock__lt=700).delete()
        self.assertEqual(self.search("shoe", size=1).total, 500)
        self.assert_in_step()

    def test_key_of_text(self) -> None:
        Crate.search.rebuild()
        for code in ("a/b", "\u00e4 ?&#", "%2f", "A", "a"):
            Crate.objects.create(code=code, name=f"crate {code}")
        flush_projection(Crate.search)
        Crate.search.refresh()
        found = {hit.key for hit in Crate.search.search("crate")}
        self.assertEqual(found, {"a/b", "\u00e4 ?&#", "%2f", "A", "a"})

    # Housekeeping

    def test_rebuild_makes_all_documents_anew(self) -> None:
        self.make("Blue shoe")
        self.settle()
        self.behind_djangos_back("UPDATE search_tests_item SET title = 'Red shoe'")
        self.assert_titles(["Blue shoe"])
        Item.search.rebuild()
        self.assert_titles(["Red shoe"])
        self.assert_in_step()

    def test_audit_mends_what_differs(self) -> None:
        self.make("Blue shoe")
        other = self.make("Blue hat")
        self.make("Blue box")
        self.settle()
        self.behind_djangos_back("DELETE FROM search_tests_item WHERE title = 'Blue shoe'")
        self.behind_djangos_back("UPDATE search_tests_item SET title = 'Red box' WHERE title = 'Blue box'")
        with self.assertLogs("notifications_counter", "ERROR"), self.assertRaises(AssertionError):
            self.assert_in_step()
        self.assert_titles(["Blue hat"], "blue")
        self.assert_in_step()
        self.assertEqual(self.stored_documents()[0].key, str(other.pk))
        self.assertEqual(len(self.stored_documents()), 2)

    def stored_documents(self) -> list[Any]:
        """All that the sink has, without tombstones."""
        return [
            one for one in self.sink.stored_after(Item.search, None, 100, using="default") if one.digest is not None
        ]

    def test_sink_says_what_it_has_in_slices(self) -> None:
        keys = sorted(str(self.make(f"Shoe {number}").pk) for number in range(12))
        self.settle()
        found, after = [], None
        while slice_ := self.sink.stored_after(Item.search, after, 5, using="default"):
            self.assertLessEqual(len(slice_), 5)
            found += [one.key for one in slice_]
            after = slice_[-1].key
        self.assertEqual(sorted(found), keys)
        some = self.sink.stored(Item.search, [keys[3], keys[0], "0"], using="default")
        self.assertCountEqual([one.key for one in some], [keys[3], keys[0]])
        self.assertTrue(all(one.digest for one in some))

    def test_older_document_never_replaces_a_newer_one(self) -> None:
        if self.sink.in_transaction:
            self.skipTest("its documents are written under the locks of their rows")
        item = self.make("Blue shoe")
        self.settle()
        version = self.sink.stored(Item.search, [str(item.pk)], using="default")[0].version
        body = {**self.search().hits[0].document, "nc_digest": "x" * 16}
        for older in (
            Document(str(item.pk), version - 1, {**body, "title": "Old shoe"}),
            Document(str(item.pk), version, {**body, "title": "Same shoe"}),
            Document(str(item.pk), version - 1, None),
        ):
            outcomes = self.sink.send(Item.search, [older], using="default")
            self.assertEqual([(one.key, one.refused, one.retry) for one in outcomes], [(str(item.pk), None, False)])
        self.assert_titles(["Blue shoe"])
        item.delete()
        self.settle()
        self.sink.send(Item.search, [Document(str(item.pk or older.key), version, body)], using="default")
        self.assert_titles([])

    def test_rollback_reads_what_was_read_before(self) -> None:
        self.make("Blue shoe")
        self.settle()
        if not self.supports("rollback"):
            with self.assertRaisesMessage(CommandError, type(self.sink).__name__):
                call_command("search_index", "search_tests.Item.search", rollback=True, stdout=io.StringIO())
            return
        before = self.sink.status(Item.search, using="default")["index"]
        Item.search.rebuild()
        self.make("Red shoe")
        Item.objects.filter(title="Blue shoe").delete()
        self.settle()
        with self.assertLogs("notifications_counter", "ERROR"):
            call_command("search_index", "search_tests.Item.search", rollback=True, stdout=io.StringIO())
        self.assertEqual(self.sink.status(Item.search, using="default")["index"], before)
        self.assert_titles(["Red shoe"])
        self.assert_in_step()

    def test_status_counts_documents(self) -> None:
        self.make("Blue shoe")
        self.make("Red shoe").delete()
        self.settle()
        self.assertEqual(self.sink.status(Item.search, using="default")["documents"], 1)
        self.assertEqual(self.sink.check(Item.search), [])
