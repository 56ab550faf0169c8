"""The table of the documentation, of what the libraries were seen to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HEAD = """\
.. made by: python -m tests.suites.libraries --keep docs/tables/libraries.json --rst docs/tables/libraries.rst

Each was tried on SQLite and PostgreSQL, or on PostgreSQL alone where that is said:

.. list-table::
   :header-rows: 1
   :widths: 24 9 37 30

   * - library
     - version
     - what was done
     - counted by
"""


def write(path: Path, tried: Iterable[Any]) -> None:
    """Write the table of libraries that were tried on all their databases with both captures."""
    rows = [line for found in tried for line in _row(found)]
    path.write_text(HEAD + "\n".join(rows) + "\n")


def _row(found: Any) -> Iterator[str]:
    library = found.library
    if list(found.problems()) or len(found.results) != 2 * len(library.databases):
        return
    on = "" if "sqlite" in library.databases else " (PostgreSQL)"
    yield f"   * - {library.project}, {library.kind}{on}"
    yield f"     - {found.version}"
    done = list(dict.fromkeys(step for result in found.results.values() for step in result["done"]))
    yield f"     - {'; '.join(done)}"
    yield f"     - {'signals, triggers' if not library.raw else f'triggers only: {library.raw}'}"
