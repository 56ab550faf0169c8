"""The audit of an index on a real OpenSearch: every document is compared with its row.

    POSTGRESQL_URL=... python -m benchmarks search_audit [--rows 50000] [--long] [--rounds 3]

Prints seconds, and what 1,000,000 documents would take at that rate (at most 60 s). Then documents are changed and
removed behind its back, and it must find just those.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from .environment import execute, table
from .search_engine import arguments, engine, fill, memory


def audit(index: Any) -> tuple[float, Any]:
    from notifications_counter.contrib.search.auditing import Audit
    from notifications_counter.projections.sending import Sender

    one = Audit(index, Sender(index, "default", 2000), anew=True)
    began = time.perf_counter()
    one.run()
    return time.perf_counter() - began, one.found


def main() -> None:
    options = arguments(__doc__, 50_000, rounds=3)
    with engine(options.version) as model:
        fill(model, options.rows)
        index = model.search
        index.rebuild()
        index.refresh()
        took = [audit(index)[0] for _ in range(options.rounds)]
        middle = statistics.median(took)
        a_million = 1_000_000 * middle / options.rows
        print(f"{options.rows:,} documents in {middle:.1f} s; 1,000,000 in {a_million:.0f} s (at most 60)")
        print(f"memory of this process: {memory():.0f} MB")
        execute(f"UPDATE {table(model)} SET price = -1 WHERE id <= 7")
        execute(f"DELETE FROM {table(model)} WHERE id BETWEEN 11 AND 13")
        found = audit(index)[1]
        print(f"changed behind its back: 7 and 3; found: {found.stale} stale, {found.ghosts} without a row")
        sys.exit((found.stale, found.ghosts) != (7, 3))


if __name__ == "__main__":
    main()
