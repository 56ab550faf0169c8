"""A rebuild on a real OpenSearch, beside the client's own bulk helper over documents that are there already.

    POSTGRESQL_URL=... python -m benchmarks search_rebuild [--rows 50000] [--long] [--rounds 3] [--writers 4]

Both in turn, each into an index of the same mapping. Then once more while processes write; afterwards all documents are
compared with the rows. Prints documents a second, the ratio (goal 0.8), lost changes, and the memory of this process.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

from .search_engine import arguments, engine, fill, memory


def bare(index: Any, rows: int, name: str) -> float:
    """Documents a second by the helper."""
    from opensearchpy import OpenSearch, helpers

    from notifications_counter.contrib.search.conf import search_settings
    from notifications_counter.contrib.search.sinks.engine.mapping import definition

    client = OpenSearch([search_settings().URL], timeout=60)
    client.indices.create(index=name, body=definition(index, "bare", True))
    found = [(str(row.pk), index.body(row)) for row in index.model.objects.order_by("pk").iterator()]
    began = time.perf_counter()
    actions = ({"_index": name, "_id": key, "_source": body} for key, body in found)
    helpers.bulk(client, actions, chunk_size=2000)
    took = time.perf_counter() - began
    client.indices.delete(index=name)
    return rows / took


def rebuilt(index: Any) -> float:
    began = time.perf_counter()
    return index.rebuild() / (time.perf_counter() - began)  # type: ignore[no-any-return]


def write(seconds: float) -> None:
    """Change rows at random, as one of several processes."""
    import random

    import django

    django.setup()
    from tests.search.models import FoundGoods

    end, last = time.monotonic() + seconds, FoundGoods.objects.order_by("-pk").values_list("pk", flat=True)[0]
    while time.monotonic() < end:
        key = random.randint(1, last)
        FoundGoods.objects.filter(pk=key).update(price=random.randint(0, 999))
        if random.random() < 0.1:
            FoundGoods.objects.filter(pk=key).delete()
        if random.random() < 0.1:
            FoundGoods.objects.create(title="new")


def main() -> None:
    if sys.argv[1:2] == ["--write"]:
        write(float(sys.argv[2]))
        return
    options = arguments(__doc__, 50_000, rounds=3, writers=4)
    with engine(options.version) as model:
        fill(model, options.rows)
        index = model.search
        rebuilt(index)
        before = memory()
        print(f"{options.rows:,} documents; memory of a rebuild: {before:.0f} MB in all (at most 200)")
        ratios, rates = [], []
        for place in range(options.rounds):
            helper, ours = bare(index, options.rows, f"bare-{place}"), rebuilt(index)
            ratios.append(ours / helper)
            rates.append(ours)
            print(f"  bulk helper {helper:>8,.0f} a second, rebuild {ours:>8,.0f}: {ours / helper:.2f}", flush=True)
        print(f"rebuild {statistics.median(rates):,.0f} a second, ratio {statistics.median(ratios):.2f} (at least 0.8)")
        beside(index, options)


def beside(index: Any, options: Any) -> None:
    """A rebuild while processes write."""
    from notifications_counter.contrib.search.auditing import Audit
    from notifications_counter.projections.flushing import flush_projection
    from notifications_counter.projections.sending import Sender

    seconds = 5 + options.rows / 20_000
    command = [sys.executable, "-m", "benchmarks.search_rebuild", "--write", str(seconds)]
    writers = [subprocess.Popen(command) for _ in range(options.writers)]
    rate = rebuilt(index)
    for writer in writers:
        assert writer.wait() == 0
    flush_projection(index)
    audit = Audit(index, Sender(index, "default", 2000), anew=True)
    audit.run()
    found = audit.found
    print(
        f"while {options.writers} processes wrote: {rate:,.0f} a second; {found.drifted} lost changes ({found.rows:,})"
    )
    sys.exit(bool(found.drifted))


if __name__ == "__main__":
    main()
