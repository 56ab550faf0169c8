"""What OpenSearch really does, and that nothing is lost or wrong for all that.

Tests that begin with ``test_engine`` or ``test_client`` say how the others behave, so that it is noticed when they
change; the rest is about this package.
"""

from __future__ import annotations

import datetime
import json
import time
from typing import Any, ClassVar

from django.utils import timezone
from elasticsearch import Elasticsearch, UnsupportedProductError
from opensearchpy import OpenSearch, helpers
from opensearchpy.exceptions import TransportError

from notifications_counter.contrib.search import InvalidQuery
from notifications_counter.contrib.search.sinks.engine.mapping import definition
from notifications_counter.projections.documents import Document, SinkUnavailable
from tests.servers.engine_node import Build
from tests.support.engines import OPENSEARCH_2, OPENSEARCH_3, once_in_full

from .engine_case import EngineTestCase
from .models import Item

EXTERNAL = {"version_type": "external"}


class Facts(EngineTestCase):
    """On OpenSearch; not a test by itself."""

    build: ClassVar[Build]

    def setUp(self) -> None:
        super().setUp()
        self.client_ = OpenSearch([self.node.url], timeout=30)
        self.addCleanup(self.client_.close)
        self.index = self.own_name("facts")

    def asked(self, method: str, path: str, body: Any = None, **params: Any) -> tuple[int, Any]:
        """The status and the answer."""
        try:
            return 200, self.client_.transport.perform_request(method, path, params=params or None, body=body)
        except TransportError as error:
            return int(error.status_code), error.info

    def put(self, key: str, version: int, **source: Any) -> int:
        return self.asked("PUT", f"/{self.index}/_doc/{key}", source, version=version, **EXTERNAL)[0]

    def version(self, key: str) -> int:
        return int(self.asked("GET", f"/{self.index}/_doc/{key}")[1]["_version"])

    # Versions

    def test_engine_refuses_an_older_version_and_the_same(self) -> None:
        self.assertEqual([self.put("1", version) for version in (5, 5, 4, 6)], [200, 409, 409, 200])

    def test_engine_raises_the_version_by_queries_and_partial_updates(self) -> None:
        self.put("1", 5, n=1)
        self.asked("POST", f"/{self.index}/_refresh")
        self.asked("POST", f"/{self.index}/_update_by_query", {"query": {"match_all": {}}}, refresh="true")
        self.assertEqual(self.version("1"), 6)
        self.assertEqual(self.put("1", 6), 409, "the next honest document is refused")
        self.asked("POST", f"/{self.index}/_update/1", {"doc": {"n": 2}})
        self.assertEqual(self.version("1"), 7)

    def test_engine_forgets_the_version_of_a_deleted_document_when_an_index_is_closed(self) -> None:
        self.put("1", 5)
        self.asked("DELETE", f"/{self.index}/_doc/1", version=6, **EXTERNAL)
        self.assertEqual(self.put("1", 5), 409)
        for what in ("_close", "_open"):
            self.asked("POST", f"/{self.index}/{what}", wait_for_active_shards="1")
        self.assertEqual(self.put("1", 5), 200, "the older document is back")

    def test_document_that_is_gone_stays_so_when_an_index_is_closed(self) -> None:
        item = self.make("Blue shoe")
        self.settle()
        key, body = str(item.pk), {**self.documents()[str(item.pk)]}
        item.delete()
        self.settle()
        live = self.sink.status(Item.search, using="default")["index"]
        for what in ("_close", "_open"):
            self.asked("POST", f"/{live}/{what}", wait_for_active_shards="1")
        self.sink.send(Item.search, [Document(key, 1, body)], using="default")
        self.settle()
        self.assertEqual(Item.search.search().total, 0)

    def test_tombstones_are_removed_when_they_are_old(self) -> None:
        items = [self.make(f"Shoe {number}") for number in range(3)]
        self.settle()
        for item in items[:2]:
            item.delete()
        self.settle()
        now = timezone.now()
        self.assertEqual(self.sink.purge(Item.search, now - datetime.timedelta(days=1), using="default"), 0)
        self.assertEqual(self.sink.purge(Item.search, now + datetime.timedelta(days=1), using="default"), 2)
        self.sink.refresh(Item.search, using="default")
        found = self.sink.status(Item.search, using="default")
        self.assertEqual((found["documents"], found["tombstones"]), (1, 0))

    def test_copy_keeps_versions_where_it_is_told_to(self) -> None:
        self.put("1", 5)
        self.asked("POST", f"/{self.index}/_refresh")
        first, copies = self.index, {"plain": {}, "external": EXTERNAL}
        found = {}
        for name, more in copies.items():
            self.index = f"{first}-{name}"
            body = {"source": {"index": first}, "dest": {"index": self.index, **more}, "conflicts": "proceed"}
            self.asked("POST", "/_reindex", body)
            found[name] = self.version("1")
        self.assertEqual(found, {"plain": 1, "external": 5})

    # Aliases

    def test_engine_makes_an_index_in_the_place_of_an_alias_for_a_delete(self) -> None:
        self.asked("DELETE", f"/{self.index}/_doc/1", version=5, **EXTERNAL)
        self.assertEqual(self.asked("GET", f"/{self.index}/_alias")[1], {self.index: {"aliases": {}}})

    def test_nothing_is_made_in_the_place_of_an_alias(self) -> None:
        alias = self.drop_the_index()
        for document in (Document("1", 5, {"title": "x"}), Document("1", 5, None)):
            with self.assertRaisesMessage(SinkUnavailable, "search_index --rebuild"):
                self.sink.send(Item.search, [document], using="default")
        self.assertEqual(self.sink.purge(Item.search, timezone.now(), using="default"), 0)
        self.assertEqual(self.asked("GET", f"/{alias}*/_alias")[1], {})
        with self.assertRaisesMessage(SinkUnavailable, "search_index --create"):
            Item.search.search("x")
        Item.search.rebuild()
        self.assertEqual(Item.search.search("x").total, 0)

    def test_index_in_the_place_of_the_alias_is_named(self) -> None:
        alias = self.drop_the_index()
        self.asked("PUT", f"/{alias}")
        with self.assertRaisesMessage(SinkUnavailable, f"'{alias}', where the search needs an alias"):
            Item.search.rebuild()

    def drop_the_index(self) -> str:
        live = self.sink.status(Item.search, using="default")["index"]
        self.asked("DELETE", f"/{live}")
        return str(self.sink.name(Item.search, "default"))

    # Bulk

    def test_client_loses_fields_called_routing_without_a_source(self) -> None:
        action = {"_index": self.index, "_id": "1", "routing": "north", "pipeline": "_none"}
        helpers.bulk(self.client_, [action], refresh=True)
        found = self.asked("POST", f"/{self.index}/_search")[1]["hits"]["hits"][0]["_source"]
        self.assertEqual(found, {})

    def test_client_takes_a_delete_of_nothing_for_an_error(self) -> None:
        action = {"_op_type": "delete", "_index": self.index, "_id": "1", "version": 5, **EXTERNAL}
        with self.assertRaises(helpers.BulkIndexError):
            helpers.bulk(self.client_, [action])

    def test_client_gives_up_at_once_on_what_could_be_sent_again(self) -> None:
        self.asked("PUT", f"/{self.index}", {"settings": {"index.blocks.read_only_allow_delete": True}})
        action = {"_index": self.index, "_id": "1", "_source": {"title": "x"}}
        begin = time.monotonic()
        with self.assertRaisesMessage(helpers.BulkIndexError, "429"):
            helpers.bulk(self.client_, [action], max_retries=3, initial_backoff=5)
        self.assertLess(time.monotonic() - begin, 5)

    def test_client_of_elasticsearch_does_what_it_then_raises_about(self) -> None:
        with Elasticsearch([self.node.url]) as other, self.assertRaises(UnsupportedProductError):
            other.perform_request("PUT", f"/{self.index}", headers={"accept": "application/json"})
        self.assertEqual(self.asked("HEAD", f"/{self.index}"), (200, True))

    def test_fields_of_any_name_are_kept(self) -> None:
        body = {"title": "x", "routing": "north", "pipeline": "none", "version": 3}
        self.sink.send(Item.search, [Document("1", 5, body)], using="default")
        found = self.source("1")
        self.assertEqual({name: found[name] for name in body}, body)

    def source(self, key: str) -> dict[str, Any]:
        alias = self.sink.generations(Item.search, "default").all
        return dict(self.asked("GET", f"/{alias}/_doc/{key}")[1]["_source"])

    def test_document_that_cannot_be_is_set_aside_and_keeps_no_other_away(self) -> None:
        documents = [Document(str(number), 5, {"title": "x"}) for number in range(5)]
        documents.insert(2, Document("k" * 600, 5, {"title": "x"}))
        documents.insert(4, Document("9", 5, {"price": "not a number"}))
        outcomes = self.sink.send(Item.search, documents, using="default")
        refused = {one.key[:3]: one.refused for one in outcomes if one.refused}
        self.assertEqual(set(refused), {"kkk", "9"})
        self.assertIn("id", refused["kkk"] or "")
        self.assertIn("price", refused["9"] or "")
        self.assertEqual(len(self.sink.stored(Item.search, [str(number) for number in range(5)], using="default")), 5)

    # Full disk, failing shards

    def test_index_that_takes_no_writes_costs_no_page(self) -> None:
        live = self.sink.status(Item.search, using="default")["index"]
        for block in ("index.blocks.write", "index.blocks.read_only_allow_delete"):
            with self.subTest(block):
                self.asked("PUT", f"/{live}/_settings", {block: True})
                item = self.make("Blue shoe")
                with self.assertLogs("notifications_counter", "ERROR") as logs:
                    self.flush()
                self.assertIn("takes no documents for now", "".join(logs.output))
                self.assertEqual(Item.search.search("blue").total, 0)
                self.asked("PUT", f"/{live}/_settings", {block: None})
                self.settle()
                self.assertEqual([hit.key for hit in Item.search.search("blue")], [str(item.pk)])
                item.delete()
                self.settle()

    def test_engine_that_makes_no_index_says_so(self) -> None:
        setting = "cluster.blocks.create_index"
        self.asked("PUT", "/_cluster/settings", {"persistent": {setting: True}})
        try:
            with self.assertRaisesMessage(SinkUnavailable, "403"):
                Item.search.rebuild()
        finally:
            self.asked("PUT", "/_cluster/settings", {"persistent": {setting: None}})
        Item.search.rebuild()

    def test_shards_that_fail_are_no_empty_page(self) -> None:
        self.make("Blue shoe", stock=4)
        self.settle()
        name = self.sink.name(Item.search, "default")
        self.asked("PUT", f"/{self.index}", {"mappings": {"properties": {"stock": {"type": "text"}}}})
        self.asked("PUT", f"/{self.index}/_doc/1", {"title": "Blue hat", "stock": "none"}, refresh="true")
        self.asked("PUT", f"/{self.index}/_alias/{name}")
        status, found = self.asked("POST", f"/{name}/_search", {"sort": [{"stock": "asc"}]})
        self.assertEqual((status, found["_shards"]["failed"]), (200, 1), "the engine says so in the answer only")
        with self.assertRaises((SinkUnavailable, InvalidQuery)) as caught:
            Item.search.search("blue", order="stock")
        self.assertIn("stock", str(caught.exception))

    # Counts and marks

    def test_index_is_searched_by_one_thread(self) -> None:
        live = self.sink.status(Item.search, using="default")["index"]
        settings = self.asked("GET", f"/{live}/_settings", flat_settings="true")[1][live]["settings"]
        self.assertEqual(settings["index.search.concurrent_segment_search.mode"], "none")

    def test_engine_marks_nothing_in_search_as_you_type_and_whole_words_in_beginnings(self) -> None:
        beginnings = {"filter": {"b": {"type": "edge_ngram", "min_gram": 1, "max_gram": 9}}}
        analyzer = {"b": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "b"]}}
        types = {
            "typed": {"type": "search_as_you_type"},
            "begun": {"type": "text", "analyzer": "b", "search_analyzer": "standard"},
        }
        body = {"settings": {"analysis": {**beginnings, "analyzer": analyzer}}, "mappings": {"properties": types}}
        self.asked("PUT", f"/{self.index}", body)
        self.asked("POST", f"/{self.index}/_doc/1", {"typed": "Blueberry", "begun": "Blueberry"}, refresh="true")
        query = {"multi_match": {"query": "blue", "type": "bool_prefix", "fields": ["typed", "typed._index_prefix"]}}
        marked = {"highlight": {"fields": {"typed": {}, "begun": {}}, "require_field_match": True}}
        found = self.asked("POST", f"/{self.index}/_search", {"query": query, **marked})[1]["hits"]["hits"][0]
        self.assertNotIn("<em>", json.dumps(found.get("highlight", {}).get("typed", [])).replace("Blueberry</em>", ""))
        found = self.asked("POST", f"/{self.index}/_search", {"query": {"match": {"begun": "blue"}}, **marked})[1]
        self.assertEqual(found["hits"]["hits"][0]["highlight"]["begun"], ["<em>Blueberry</em>"])

    def test_words_are_marked_in_a_text_that_is_too_long_for_the_engine(self) -> None:
        self.make("Blue shoe", text="blue " + "word " * 250_000)
        self.settle()
        found = Item.search.search("blue", highlight=True)
        self.assertEqual(found.hits[0].highlights["title"], ["<mark>Blue</mark> shoe"])

    # The vendor's own query

    def test_own_query_finds_nothing_that_is_gone(self) -> None:
        self.make("Blue shoe", stock=4)
        self.make("Red shoe", stock=9).delete()
        self.settle()
        everything = {"global": {}, "aggs": {"stock": {"sum": {"field": "stock"}}}}
        found = Item.search.raw({"query": {"match_all": {}}, "aggs": {"all": everything}})
        self.assertEqual([hit["_source"]["title"] for hit in found["hits"]["hits"]], ["Blue shoe"])
        self.assertEqual(
            (found["aggregations"]["all"]["doc_count"], found["aggregations"]["all"]["stock"]["value"]), (1, 4)
        )

    def test_own_query_that_is_none_is_refused_with_the_reason(self) -> None:
        with self.assertRaisesMessage(InvalidQuery, "no_such_query"):
            Item.search.raw({"query": {"no_such_query": {}}})

    # Generations

    def test_rebuild_keeps_one_generation_and_drops_those_before(self) -> None:
        for _ in range(3):
            Item.search.rebuild()
        found = self.sink.status(Item.search, using="default")
        generations = set(self.asked("GET", f"/{self.sink.name(Item.search, 'default')}-*/_alias")[1])
        self.assertEqual(generations, {found["index"], found["previous"]})

    def test_rebuild_that_was_begun_and_not_ended_is_dropped(self) -> None:
        first = self.sink.begin_rebuild(Item.search, using="default", identity="x")
        second = self.sink.begin_rebuild(Item.search, using="default", identity="x")
        self.assertEqual(self.asked("HEAD", f"/{first}")[1], False)
        with self.assertRaisesMessage(SinkUnavailable, "search_index --rebuild"):
            self.sink.send(Item.search, [Document("1", 5, {"title": "x"})], using="default", target=first)
        self.assertEqual(self.asked("HEAD", f"/{first}")[1], False)
        with self.assertRaisesMessage(SinkUnavailable, "was being built"):
            self.sink.finish_rebuild(Item.search, first, using="default")
        self.sink.finish_rebuild(Item.search, second, using="default")
        self.sink.finish_rebuild(Item.search, second, using="default")
        self.assertEqual(self.sink.status(Item.search, using="default")["index"], second)

    def test_index_says_whose_it_is(self) -> None:
        target = self.sink.begin_rebuild(Item.search, using="default", identity="another database")
        self.sink.finish_rebuild(Item.search, target, using="default")
        about = self.sink.generations(Item.search, "default").about(target)
        self.assertEqual(about["identity"], "another database")

    def test_status_says_when_the_mapping_is_outdated(self) -> None:
        self.assertEqual(self.sink.status(Item.search, using="default")["mapping"], "current")
        live = self.sink.status(Item.search, using="default")["index"]
        about = definition(Item.search, "x", True)["mappings"]["_meta"]
        about["notifications_counter"]["fingerprint"] = "of before"
        self.asked("PUT", f"/{live}/_mapping", {"_meta": about})
        self.assertIn("search_index --rebuild", self.sink.status(Item.search, using="default")["mapping"])

    def test_search_is_quick_enough_to_be_asked_while_somebody_types(self) -> None:
        self.make("Blue shoe")
        self.settle()
        begin = time.monotonic()
        for _ in range(20):
            Item.search.suggest("blu")
        self.assertLess(time.monotonic() - begin, 10)


@once_in_full
class OpenSearch3FactsTests(Facts):
    build = OPENSEARCH_3


@once_in_full
class OpenSearch2FactsTests(Facts):
    build = OPENSEARCH_2


del Facts
