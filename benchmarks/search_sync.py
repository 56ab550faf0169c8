"""What search costs a write, and how old documents are on a real OpenSearch with a flush each second.

    POSTGRESQL_URL=... python -m benchmarks search_sync [--rounds 30] [--seconds 30]

Creates, saves and bulk changes, each in a transaction, in turn with those of a model of the same columns without an
index: with the sink of the engine, where signals and where triggers tell of changes, and with the database's own (ratio
at most 1.3). Freshness: rows are created ten a second, and looked for
by a search until it finds them (p99 at most 2 s). 100,000 random operations under kills are the test
``tests.search.test_walks`` with ``runtests.py --long``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.transaction import atomic

from .search_engine import arguments, engine, fill

MANY = 200

#: The price of the first row that is looked for: no other is so dear.
FIRST = 10_000


def create(model: Any) -> None:
    for number in range(20):
        with atomic():
            model.objects.create(title=f"number {number}", text="one two three", price=number)


def save(model: Any) -> None:
    for row in model.objects.order_by("-pk")[:20]:
        row.price += 1
        with atomic():
            row.save()


def bulk(model: Any) -> None:
    model.objects.bulk_create([model(title=f"number {number}", text="one two three") for number in range(MANY)])


def update(model: Any) -> None:
    last = model.objects.order_by("-pk").values_list("pk", flat=True)[0]
    with atomic():
        model.objects.filter(pk__gt=last - MANY).update(price=1)


def ratio(change: Callable[[Any], None], plain: Any, found: Any, rounds: int) -> float:
    """How many times as long it takes with an index."""
    ratios = []
    for _ in range(rounds):
        took = []
        for model in (plain, found):
            began = time.perf_counter()
            change(model)
            took.append(time.perf_counter() - began)
        ratios.append(took[1] / took[0])
    return statistics.median(ratios)


def costs(what: str, found: Any, rounds: int) -> None:
    from tests.search.models import PlainGoods

    for kind, change in (("create", create), ("save", save), ("bulk_create of 200", bulk), ("update() of 200", update)):
        print(f"  {what:<24} {kind:<20} {ratio(change, PlainGoods, found, rounds):.2f} (at most 1.3)", flush=True)


def freshness(model: Any, seconds: int) -> None:
    """How long rows take to be found that are created ten a second; one search after the other looks for them."""
    from notifications_counter.projections.flushing import flush_projections

    flush_projections()
    flusher = subprocess.Popen([sys.executable, "-m", "benchmarks.search_sync", "--flush"])
    began: dict[int, float] = {}
    took: list[float] = []
    wanted = range(FIRST, FIRST + 10 * seconds)
    looking = threading.Thread(target=_look, args=(model, wanted, began, took))
    time.sleep(5)  # the process must have begun
    looking.start()
    for price in wanted:
        model.objects.create(title="fresh", price=price)
        began[price] = time.monotonic()
        time.sleep(0.1)
    looking.join()
    flusher.kill()
    flusher.wait()
    p99 = statistics.quantiles(took, n=100)[98]
    print(f"  found after {statistics.median(took):.2f} s, p99 {p99:.2f} s (at most 2), of {len(took)}")


def _look(model: Any, wanted: range, began: dict[int, float], took: list[float]) -> None:
    missing = list(wanted)
    while missing:
        time.sleep(0.05)
        page = model.search.search(filters={"price": {"gte": missing[0]}}, order="price", size=1000)
        found, now = {hit.document["price"] for hit in page}, time.monotonic()
        took += [now - began[price] for price in missing if price in found and price in began]
        missing = [price for price in missing if price not in found or price not in began]
    connection.close()


def flush_each_second() -> None:
    import django

    django.setup()
    from notifications_counter.projections.flushing import flush_projections

    while True:
        began = time.monotonic()
        flush_projections()
        time.sleep(max(0, 1 - (time.monotonic() - began)))


def main() -> None:
    if sys.argv[1:2] == ["--flush"]:
        flush_each_second()
        return
    options = arguments(__doc__, 1000, rounds=30, seconds=30)
    with engine(options.version) as model:
        from django.conf import settings
        from django.test import override_settings

        from tests.search.models import TriggeredGoods

        fill(model, options.rows)
        model.search.rebuild()
        print("with an index, times the write without one:")
        model.objects.bulk_create([model(title="last", text="one two three") for _ in range(MANY)])
        TriggeredGoods.search.rebuild()
        costs("opensearch, signals", model, options.rounds)
        costs("opensearch, triggers", TriggeredGoods, options.rounds)
        own = {**settings.NOTIFICATIONS_COUNTER, "SEARCH": {"AUDIT_INTERVAL": None}}
        with override_settings(NOTIFICATIONS_COUNTER=own):
            costs("database, signals", model, options.rounds)
        print("freshness, with a flush each second:")
        freshness(model, options.seconds)


if __name__ == "__main__":
    main()
