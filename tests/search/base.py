"""What the tests of search have in common."""

from __future__ import annotations

from typing import Any

from django.test import override_settings

from notifications_counter.flushing.all_counters import flush_all as flush_counters
from notifications_counter.projections.reading import bodies_of
from tests.support.base import CounterTestCase

from .memory import MemorySink
from .models import Crate, FoundGoods, Item, TriggeredGoods


def settings_with(**search: Any) -> Any:
    """The settings, with others of search."""
    from django.conf import settings

    return override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "SEARCH": search})


def wanted(model: Any = Item) -> dict[str, Any]:
    """The documents that there must be: made of the rows as they are now."""
    rows = {str(row.pk): row for row in model.search.query(model.objects.all())}
    return bodies_of(model.search, rows, "default")[0]


class MemoryCase(CounterTestCase):
    """With documents in this process."""

    def setUp(self) -> None:
        super().setUp()
        settings = settings_with(SINK="tests.search.memory.MemorySink")
        settings.enable()
        self.addCleanup(settings.disable)
        self.addCleanup(MemorySink.clear)
        for model in (Item, Crate, FoundGoods, TriggeredGoods):
            model.search.rebuild()

    def assert_in_step(self, model: Any = Item) -> None:
        """After a flush every document is what its row is now."""
        flush_all()
        self.assertEqual(MemorySink.documents(model.search), wanted(model))


def flush_all() -> None:
    """What a flush does for documents, without one of all the counters of the tests."""
    flush_counters([])
