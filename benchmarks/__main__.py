"""All measurements, one after the other, with one table at the end.

    POSTGRESQL_URL=... python -m benchmarks [--long] [--json FILE] [module ...]

A short run takes about a minute; --long takes its time, and has the scale of the documentation's figures. Three further
modules are run by themselves: fill, outage and triggers.
"""

from __future__ import annotations

from importlib import import_module

from .report import parser, run

MODULES = (
    *("read", "async_read", "composite", "page", "create", "bulk", "account", "contention"),
    *("flush", "flush_rows", "memory", "redis_memory", "peers"),
)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("modules", nargs="*", metavar="module", help=", ".join(MODULES))
    given = options.parse_args()
    if unknown := set(given.modules) - set(MODULES):
        options.error(f"There is no module {', '.join(sorted(unknown))}, only: {', '.join(MODULES)}.")
    questions = {name: import_module(f"benchmarks.{name}").figures for name in given.modules or MODULES}
    run(questions, given.long, given.json)


if __name__ == "__main__":
    main()
