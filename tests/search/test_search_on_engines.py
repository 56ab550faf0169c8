"""A search index from its declaration to its hits, on real engines."""

from __future__ import annotations

from typing import ClassVar

from tests.servers.engine_node import Build, Node
from tests.support.base import CounterTestCase
from tests.support.engines import OPENSEARCH_2, OPENSEARCH_3, once, once_in_full, shared

from .base import settings_with
from .contract import SearchContract
from .models import Item


class EngineCase(SearchContract, CounterTestCase):
    """On an engine of a version; not a test by itself."""

    build: ClassVar[Build]
    node: ClassVar[Node]
    stems = True

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.node = shared(cls.build)

    def setUp(self) -> None:
        settings = settings_with(
            SINK="opensearch", URL=self.node.url, PREFIX="contract-", TIMEOUT=20, AUDIT_INTERVAL=None
        )
        settings.enable()
        self.addCleanup(settings.disable)
        super().setUp()

    def test_words_and_suggestions_may_be_typed_wrongly(self) -> None:
        self.assertEqual(self.titles("bleu", typos=True), {"Blue running shoe", "Red boot"})
        for typed in ("runing", "tunning", "blue runing"):
            with self.subTest(typed):
                self.assertEqual([one.text for one in Item.search.suggest(typed)], ["Blue running shoe"])

    def test_a_query_of_the_engines_own_finds_nothing_that_is_gone(self) -> None:
        self.hat.delete()
        self.settle()
        answer = Item.search.raw({"query": {"match_all": {}}})
        self.assertEqual(answer["hits"]["total"]["value"], 2)


@once
class OpenSearch3SearchTest(EngineCase):
    build = OPENSEARCH_3


@once_in_full
class OpenSearch2SearchTest(EngineCase):
    build = OPENSEARCH_2


del EngineCase, SearchContract
