"""All measurements, one after the other, with one table at the end.

    POSTGRESQL_URL=... python -m benchmarks [--long] [--json FILE] [module ...]

A short run takes about a minute; --long takes its time, and has the scale of the documentation's figures. Some modules
print a table of their own, and take options of their own: fill, outage, hiccup, triggers, growth, bloat,
notify, prune, inbox, redirect, crawlers, addresses, clicks, online, products, stream, takeover,
stream_latency, stream_keys, stream_peers, suggest, search_sync, search_rebuild, search_audit.

    POSTGRESQL_URL=... python -m benchmarks hiccup [--help]
"""

from __future__ import annotations

import sys
from importlib import import_module

from .report import parser, run

MODULES = (
    *("read", "async_read", "composite", "page", "create", "bulk", "account", "contention"),
    *("flush", "flush_rows", "memory", "redis_memory", "peers"),
)

#: Those that are run by themselves.
ALONE = (
    *("fill", "outage", "hiccup", "triggers", "growth", "bloat", "streams", "notify", "prune", "inbox"),
    *("redirect", "crawlers", "addresses", "clicks", "online", "products"),
    *("stream", "takeover", "stream_latency", "stream_keys", "stream_peers"),
    *("suggest", "search_sync", "search_rebuild", "search_audit"),
)


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in ALONE:
        del sys.argv[0]
        import_module(f"benchmarks.{sys.argv[0]}").main()
        return
    options = parser(__doc__)
    options.add_argument("modules", nargs="*", metavar="module", help=", ".join(MODULES))
    given = options.parse_args()
    if unknown := set(given.modules) - set(MODULES):
        options.error(f"There is no module {', '.join(sorted(unknown))}, only: {', '.join(MODULES)}.")
    questions = {name: import_module(f"benchmarks.{name}").figures for name in given.modules or MODULES}
    run(questions, given.long, given.json)


if __name__ == "__main__":
    main()
