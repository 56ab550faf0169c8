"""An engine that is away, slow or another one's: nothing is lost, and no page fails without a sentence."""

from __future__ import annotations

import io
import logging
import os
import signal
import time
from typing import Any
from urllib.parse import urlsplit

from django.core.management import CommandError, call_command

from notifications_counter.contrib.search.conf import get_sink
from notifications_counter.exceptions import InvalidSettings
from notifications_counter.projections.documents import SinkUnavailable
from tests.support.engines import ELASTICSEARCH, OPENSEARCH_3, once, once_in_full
from tests.support.proxy import proxy
from tests.support.servers import free_port

from .engine_case import EngineTestCase
from .models import Item

SECRET = "s3cr%2Ft-of-ours"


@once
class FaultsTests(EngineTestCase):
    build = OPENSEARCH_3

    def away(self, **more: Any) -> Any:
        """Settings of an engine that is not there."""
        return self.with_settings(URL=f"http://127.0.0.1:{free_port()}", **more)

    def test_engine_that_is_away_costs_pending_keys_and_no_page(self) -> None:
        with self.away():
            self.make("Blue shoe")
            with self.assertLogs("notifications_counter", "ERROR"):
                result = self.flush()
            self.assertIn("OpenSearch at http://127.0.0.1:", result.unavailable)
            self.assertIn("cannot be reached", result.unavailable)
            for ask in (Item.search.search, Item.search.suggest, Item.search.more_like):
                with self.assertRaisesMessage(SinkUnavailable, "cannot be reached"):
                    ask("1")
            with self.assertRaisesMessage(CommandError, "cannot be reached"):
                call_command("search_index", "search_tests.Item.search", rebuild=True, stdout=io.StringIO())
        with self.assertLogs("notifications_counter", "WARNING"):
            self.settle()
        self.assertEqual(Item.search.search("blue").total, 1)

    def test_engine_that_does_not_answer_is_waited_for_as_long_as_was_said(self) -> None:
        with self.with_settings(TIMEOUT=2):
            Item.search.search()
            os.kill(self.node.pid or 0, signal.SIGSTOP)
            begin = time.monotonic()
            try:
                with self.assertRaisesMessage(SinkUnavailable, "does not answer within 2 s"):
                    Item.search.search()
            finally:
                os.kill(self.node.pid or 0, signal.SIGCONT)
            self.assertLess(time.monotonic() - begin, 10)

    def test_replies_that_are_lost_leave_documents_right(self) -> None:
        self.addCleanup(logging.disable, logging.NOTSET)
        with (
            proxy(urlsplit(self.node.url).port or 0) as between,
            self.with_settings(URL=f"http://127.0.0.1:{between.port}", CHUNK_SIZE=5),
        ):
            between.replies, between.requests = 0.3, 0.1
            logging.disable(logging.CRITICAL)
            for number in range(30):
                item = self.make(f"Shoe {number}")
                if number % 3 == 0:
                    item.delete()
                self.flush()
            self.assertGreater(between.dropped, 3)
            get_sink().connection.make_client().close()
        logging.disable(logging.NOTSET)
        self.settle()
        self.assertEqual(Item.search.search(size=100).total, 20)
        call_command("search_index", "search_tests.Item.search", check=True, stdout=io.StringIO())

    def test_engine_of_the_other_vendor_is_asked_for_nothing_but_its_name(self) -> None:
        with (
            self.with_settings(SINK="elasticsearch"),
            self.assertRaisesMessage(SinkUnavailable, "another engine: see SINK"),
        ):
            Item.search.rebuild()

    def test_password_is_in_no_message_and_no_log(self) -> None:
        user = f"http://site:{SECRET}@127.0.0.1:{free_port()}"
        there = self.node.url.replace("http://", f"http://site:{SECRET}@")
        for sink in ("opensearch", "elasticsearch"):
            for url in (user, there, [user, there]):
                with self.subTest(sink=sink, url=url), self.with_settings(SINK=sink, URL=url):
                    with self.assertLogs(level="DEBUG") as logs:
                        logging.getLogger().debug("begin")
                        result = self.said(Item.search.search)
                        Item.search.sink.connection.make_client().close()
                    for text in (result, *logs.output):
                        self.assertNotIn("s3cr", text)
                        self.assertNotIn("of-ours", text)

    def said(self, ask: Any) -> str:
        try:
            return str(ask())
        except SinkUnavailable as error:
            return str(error)

    def test_settings_that_cannot_be_are_refused_without_the_password(self) -> None:
        for url in (None, [], f"ftp://a:{SECRET}@b", f"http://a:{SECRET}@b:port", f"http://a:{SECRET}@"):
            with self.subTest(url), self.with_settings(URL=url), self.assertRaises(InvalidSettings) as caught:
                get_sink()
            self.assertNotIn("s3cr", str(caught.exception))
        wrong = self.with_settings(OPTIONS={"timeout": "soon"})
        with wrong, self.assertRaisesMessage(InvalidSettings, "does not take URL and OPTIONS as they are"):
            get_sink()

    def test_check_warns_of_a_password_in_the_clear(self) -> None:
        with self.with_settings(URL=f"http://site:{SECRET}@search.example.org:9200"):
            found = get_sink().check(Item.search)
        self.assertEqual([one.id for one in found], ["notifications_counter.W134"])
        with self.with_settings(URL=f"https://site:{SECRET}@search.example.org:9200"):
            self.assertEqual(get_sink().check(Item.search), [])


@once_in_full
class ElasticsearchFaultsTests(EngineTestCase):
    build = ELASTICSEARCH

    def test_engine_that_is_away_is_named(self) -> None:
        away = self.with_settings(URL=f"http://127.0.0.1:{free_port()}")
        with away, self.assertRaisesMessage(SinkUnavailable, "Elasticsearch at http://127.0.0.1:"):
            Item.search.search("x")

    def test_engine_of_the_other_vendor_is_asked_for_nothing_but_its_name(self) -> None:
        with self.with_settings(SINK="opensearch"), self.assertRaisesMessage(SinkUnavailable, "another engine"):
            Item.search.rebuild()

    def test_engine_that_does_not_answer_is_waited_for_as_long_as_was_said(self) -> None:
        with self.with_settings(TIMEOUT=0.5):
            Item.search.search()
            os.kill(self.node.pid or 0, signal.SIGSTOP)
            try:
                with self.assertRaisesMessage(SinkUnavailable, "does not answer within 0.5 s"):
                    Item.search.search()
            finally:
                os.kill(self.node.pid or 0, signal.SIGCONT)

    def test_index_that_takes_no_writes_costs_no_page(self) -> None:
        live = self.sink.status(Item.search, using="default")["index"]
        self.sink.connection.ask("PUT", f"/{live}/_settings", {"index.blocks.read_only_allow_delete": True})
        self.make("Blue shoe")
        with self.assertLogs("notifications_counter", "ERROR") as logs:
            self.flush()
        self.assertIn("429", "".join(logs.output))
        self.sink.connection.ask("PUT", f"/{live}/_settings", {"index.blocks.read_only_allow_delete": None})
        self.settle()
        self.assertEqual(Item.search.search("blue").total, 1)
