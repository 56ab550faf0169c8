"""A node that is stopped and started again, and one whose disk is nearly full: with the real server."""

from __future__ import annotations

import time
from typing import Any

from notifications_counter.projections.documents import Document, SinkUnavailable
from tests.support.engines import ELASTICSEARCH, OPENSEARCH_3, once_in_full

from .engine_case import EngineTestCase
from .models import Item

DISK = "cluster.routing.allocation.disk"
#: More than any disk has free.
FULL = {
    "cluster.info.update.interval": "10s",
    f"{DISK}.threshold_enabled": True,
    f"{DISK}.watermark.low": "9999tb",
    f"{DISK}.watermark.high": "9998tb",
    f"{DISK}.watermark.flood_stage": "9997tb",
}
#: Less than there is. The server takes its blocks back only while it watches the disk.
FREE = {
    **FULL,
    f"{DISK}.watermark.low": "3mb",
    f"{DISK}.watermark.high": "2mb",
    f"{DISK}.watermark.flood_stage": "1mb",
}
#: Seconds in which the server must notice, or have noticed that there is space again.
PATIENCE = 150


class RestartCase(EngineTestCase):
    """With a node of a version; not a test by itself."""

    def test_document_that_is_gone_stays_so_when_the_node_starts_again(self) -> None:
        gone, kept = self.make("Blue shoe"), self.make("Blue boot")
        self.settle()
        key, body = str(gone.pk), self.documents()[str(gone.pk)]
        gone.delete()
        self.settle()
        self.node.stop()
        with self.assertRaises(SinkUnavailable):
            Item.search.search()
        self.node.start()
        self.sink.send(Item.search, [Document(key, 1, body)], using="default")
        self.settle()
        self.assertEqual([hit.key for hit in Item.search.search("blue")], [str(kept.pk)])


@once_in_full
class OpenSearchRestartTests(RestartCase):
    build = OPENSEARCH_3

    def set_disk(self, values: dict[str, Any]) -> None:
        self.sink.connection.ask("PUT", "/_cluster/settings", {"transient": values})

    def test_disk_that_is_nearly_full_costs_no_page_and_no_document(self) -> None:
        self.make("Blue shoe")
        self.settle()
        self.addCleanup(self.set_disk, dict.fromkeys(FULL))
        self.set_disk(FULL)
        end = time.monotonic() + PATIENCE
        with self.assertLogs("notifications_counter", "ERROR") as logs:
            while True:
                self.make("Red shoe")  # which is saved, whatever the engine says
                unavailable = self.flush().unavailable
                if unavailable or time.monotonic() > end:
                    break
                time.sleep(1)
        self.assertIn("429", "".join(logs.output))
        self.assertEqual(Item.search.search("blue").total, 1)
        with self.assertRaises(SinkUnavailable):  # 403 or 429
            Item.search.rebuild()
        self.assertEqual(Item.search.search("blue").total, 1)
        self.set_disk(FREE)
        self.wait_until(lambda: not self.flush().unavailable)
        self.wait_until(self.rebuilds)
        Item.search.refresh()
        self.assertEqual(Item.search.search("red").total, Item.objects.filter(title="Red shoe").count())

    def rebuilds(self) -> bool:
        try:
            Item.search.rebuild()
        except SinkUnavailable:  # for about a minute after there is space again
            return False
        return True

    def wait_until(self, is_so: Any) -> None:
        end = time.monotonic() + PATIENCE
        while not is_so():
            self.assertLess(time.monotonic(), end)
            time.sleep(2)


@once_in_full
class ElasticsearchRestartTests(RestartCase):
    build = ELASTICSEARCH


del RestartCase
