"""Suggestions on PostgreSQL are those that a look at every document gives, wherever they are looked for first."""

from __future__ import annotations

import random
import unittest
from unittest.mock import patch

from django.db import connection

from notifications_counter.contrib.search.models import SearchDocument
from notifications_counter.contrib.search.sinks.database import suggesting
from tests.support.base import CounterTestCase
from tests.support.walks import SEED

from .models import Item

SYLLABLES = [one + two for one in "bdklm" for two in "aeiou"]
NUMBER = 400


@unittest.skipUnless(connection.vendor == "postgresql", "which looks among popular documents first")
class SuggestingTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        chance = random.Random(SEED)
        self.words = ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 3))) for _ in range(150)]
        titles = [" ".join(chance.choices(self.words, k=3)) + f" {number}" for number in range(NUMBER)]
        # Different ones, of which some are very popular.
        self.views = [number**3 for number in range(NUMBER)]
        chance.shuffle(self.views)
        Item.search.rebuild()
        Item.objects.bulk_create(
            [Item(title=title, views=views) for title, views in zip(titles, self.views, strict=True)]
        )
        self.ranked = [title for _, title in sorted(zip(self.views, titles, strict=True), reverse=True)]
        for name, number in (("FIRST", 20), ("THEN", 100), ("MOST_CONTINUATIONS", 3), ("FEW", 5)):
            smaller = patch.object(suggesting, name, number)
            smaller.start()
            self.addCleanup(smaller.stop)
        suggesting.forget()
        self.addCleanup(suggesting.forget)

    def wanted(self, typed: str) -> list[str]:
        *whole, last = typed.split()
        return [
            title
            for title in self.ranked
            if set(whole) <= set(title.split()) and any(word.startswith(last) for word in title.split())
        ][:10]

    def suggested(self, typed: str, wanted: list[str]) -> list[str]:
        return [one.text for one in Item.search.suggest(typed)][: len(wanted)]

    def test_one_word_gives_the_most_popular_documents_however_rare_it_is(self) -> None:
        for typed in {word[:length] for word in self.words for length in range(1, len(word) + 1)}:
            with self.subTest(typed, seed=SEED):
                wanted = self.wanted(typed)
                self.assertEqual(self.suggested(typed, wanted), wanted)

    def test_several_words_give_the_most_popular_documents(self) -> None:
        chance = random.Random(SEED)
        for _ in range(200):
            one, other = chance.choice(self.ranked).split()[:2]
            typed = f"{one} {other[: chance.randint(1, len(other))]}"
            with self.subTest(typed, seed=SEED):
                wanted = self.wanted(typed)
                self.assertEqual(self.suggested(typed, wanted), wanted)

    def test_documents_with_very_many_words_are_suggested_too(self) -> None:
        title = " ".join(chr(0x20000 + number) * 3 for number in range(49))
        Item.objects.create(title=title, views=10**9)
        self.assertEqual(Item.search.suggest(title[:2])[0].text, title)
        self.assertEqual(Item.search.suggest(f"{title.split()[0]} {title.split()[-1][:1]}")[0].text, title)


class SuggestingWithStatisticsTest(SuggestingTest):
    """The same when the database knows which words are in many documents."""

    def setUp(self) -> None:
        super().setUp()
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {SearchDocument._meta.db_table}")
            cursor.execute("SELECT count(*) FROM pg_stats WHERE attname = 'names_v' AND most_common_elems IS NOT NULL")
            self.assertEqual(cursor.fetchone(), (1,))
        suggesting.forget()
