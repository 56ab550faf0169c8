"""What search costs a write, and how old documents are on a real OpenSearch with a flush each second.

    POSTGRESQL_URL=... python -m benchmarks search_sync [--rounds 30] [--seconds 30]

Creates, saves and bulk changes in turn with those of a model of the same columns without an index, with the sink of
the engine and with the database's own (ratio at most 1.3). Freshness: rows are created ten a second, and looked for
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

from .search_engine import arguments, engine, fill

MANY = 200


def create(model: Any) -> None:
    for number in range(20):
        model.objects.create(title=f"number {number}", text="one two three", price=number)


def save(model: Any) -> None:
    for row in model.objects.order_by("-pk")[:20]:
        row.price += 1
        row.save()


def bulk(model: Any) -> None:
    model.objects.bulk_create([model(title=f"number {number}", text="one two three") for number in range(MANY)])


def update(model: Any) -> None:
    last = model.objects.order_by("-pk").values_list("pk", flat=True)[0]
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


def costs(sink: str, found: Any, rounds: int) -> None:
    from tests.search.models import PlainGoods

    for what, change in (("create", create), ("save", save), ("bulk_create of 200", bulk), ("update() of 200", update)):
        print(f"  {sink:<12} {what:<20} {ratio(change, PlainGoods, found, rounds):.2f} (at most 1.3)", flush=True)


def freshness(model: Any, seconds: int) -> None:
    from notifications_counter.projections.flushing import flush_projections

    flush_projections()
    flusher = subprocess.Popen([sys.executable, "-m", "benchmarks.search_sync", "--flush"])
    took: list[float] = []
    waiting: list[threading.Thread] = []
    time.sleep(3)
    for number in range(10 * seconds):
        row = model.objects.create(title="fresh", price=10_000 + number)
        waiting.append(threading.Thread(target=_wait, args=(model, row.price, time.monotonic(), took)))
        waiting[-1].start()
        time.sleep(0.1)
    for thread in waiting:
        thread.join()
    flusher.kill()
    flusher.wait()
    quantiles = statistics.quantiles(took, n=100)
    print(f"  found after {statistics.median(took):.2f} s, p99 {quantiles[98]:.2f} s (at most 2), of {len(took)}")


def _wait(model: Any, price: int, began: float, took: list[float]) -> None:
    while not model.search.search(filters={"price": price}, size=1).total:
        time.sleep(0.05)
    took.append(time.monotonic() - began)
    from django.db import connection

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

        fill(model, options.rows)
        model.search.rebuild()
        print("with an index, times the write without one:")
        costs("opensearch", model, options.rounds)
        own = {**settings.NOTIFICATIONS_COUNTER, "SEARCH": {"AUDIT_INTERVAL": None}}
        with override_settings(NOTIFICATIONS_COUNTER=own):
            costs("database", model, options.rounds)
        print("freshness, with a flush each second:")
        freshness(model, options.seconds)


if __name__ == "__main__":
    main()
