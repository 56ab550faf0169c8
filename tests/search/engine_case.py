"""What the tests of engines have in common."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from notifications_counter.contrib.search.conf import get_sink
from notifications_counter.projections.flushing import flush_projection
from tests.servers.engine_node import Build, Node
from tests.support.base import CounterTestCase
from tests.support.engines import shared

from .base import settings_with, wanted
from .models import Item


class EngineTestCase(CounterTestCase):
    """With the documents of items on an engine of a version."""

    build: ClassVar[Build]
    node: ClassVar[Node]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.node = shared(cls.build)

    def setUp(self) -> None:
        super().setUp()
        self.prefix = self.own_name("test-")
        settings = self.with_settings()
        settings.enable()
        self.addCleanup(settings.disable)
        self.sink: Any = get_sink()
        Item.search.rebuild()
        self.addCleanup(self.remove)

    def with_settings(self, **more: Any) -> Any:
        """Settings in which the engine is the sink."""
        options = {"SINK": self.build.product, "URL": self.node.url, "PREFIX": self.prefix, "TIMEOUT": 20}
        return settings_with(**{**options, "AUDIT_INTERVAL": None, **more})

    def remove(self) -> None:
        """Remove all indexes of this test."""
        for index in self.sink.connection.ask("GET", f"/{self.prefix}*,facts*/_alias", allow=(404,)).body:
            self.sink.connection.ask("DELETE", f"/{index}", allow=(404,))

    def own_name(self, begin: str) -> str:
        return f"{begin}{uuid.uuid4().hex[:8]}"

    def make(self, title: str, **values: Any) -> Item:
        return Item.objects.create(title=title, **values)

    def flush(self) -> Any:
        return flush_projection(Item.search)

    def settle(self) -> None:
        """Let all be found that was committed."""
        self.assertEqual(self.flush().unavailable, "")
        Item.search.refresh()

    def documents(self) -> dict[str, Any]:
        return wanted()
