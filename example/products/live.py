"""What the pages show at any moment: the numbers by status, and the products that have changed last."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from notifications_counter.live.channel import Value

from .dashboard import STATUSES, by_status
from .models import Product, Revision, Status

#: All see the same.
KEY = "products"
#: So many of the newest products are told with their status.
TOLD = 50


class ProductsChannel:
    """One value, which changes whenever a product comes, goes, or changes its status."""

    name = "products"
    #: The revisions are looked at: three numbers that are cheap to read.
    counter = None
    interval = 0.6
    session_interval = 15.0

    def key(self, user: Any) -> str | None:
        return KEY

    def peek(self, keys: Sequence[str]) -> Mapping[str, Hashable]:
        return dict.fromkeys(keys, _marks())

    def read(self, keys: Sequence[str]) -> Mapping[str, Value]:
        # From before what is read: what changes meanwhile is told once more.
        epochs, numbers = _marks()
        newest = Product.objects.order_by("-added").values_list("pk", "status")[:TOLD]
        data = {
            "numbers": {one["name"]: one["number"] for one in by_status()},
            "products": [{"id": pk, "status": status, "label": Status(status).label} for pk, status in newest],
        }
        return dict.fromkeys(keys, Value("/".join(epochs), sum(numbers), data))


def _marks() -> tuple[tuple[str, ...], tuple[int, ...]]:
    epochs, numbers = Revision.counter.epochs(STATUSES), Revision.counter.values(STATUSES)
    return tuple(epochs[one] for one in STATUSES), tuple(int(numbers[one]) for one in STATUSES)
