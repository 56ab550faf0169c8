"""What came out, as text and as the table of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .catalog import Package

HEAD = """\
.. made by: python -m tests.suites.search_packages --rst docs/tables/search-packages.rst

.. list-table::
   :header-rows: 1
   :stub-columns: 1

"""


@dataclass(frozen=True)
class Tried:
    """What came of one package.

    Attributes:
        package: the package.
        version: of the release that was installed; empty for this tree.
        beside: what else took part, with versions.
        wrong: kind of change -> what was wrong first.
        error: why nothing can be said; empty if something can.
    """

    package: Package
    version: str
    beside: str
    wrong: dict[str, str]
    error: str = ""


def text(tried: Sequence[Tried], kinds: Sequence[str]) -> Iterator[str]:
    """The lines that are printed."""
    for number, found in enumerate(tried, 1):
        said = "failed" if found.error else f"{len(found.wrong)} of {len(kinds)} kinds wrong"
        yield f"{number}. {found.package.title.replace('`', '')} {found.version} ({found.beside}): {said}"
    width = max(map(len, kinds))
    yield " " * width + "".join(f"{number:>7}" for number in range(1, len(tried) + 1))
    for kind in kinds:
        cells = (" " if found.error else "wrong" if kind in found.wrong else "ok" for found in tried)
        yield f"{kind.replace('`', ''):<{width}}" + "".join(f"{cell:>7}" for cell in cells)


def write(path: Path, tried: Sequence[Tried], kinds: Iterable[str]) -> None:
    """Write the table of the documentation."""
    rows = [["", *(f"{found.package.title} {found.version}".strip() for found in tried)]]
    rows += [["set up with", *(found.beside for found in tried)]]
    rows += [[kind, *("wrong" if kind in found.wrong else "right" for found in tried)] for kind in kinds]
    rows += [["**kinds wrong**", *(f"**{len(found.wrong)}**" for found in tried)]]
    path.write_text(HEAD + "".join(map(_row, rows)))


def _row(cells: Iterable[str]) -> str:
    return "".join(f"   {'*' if not number else ' '} - {cell}".rstrip() + "\n" for number, cell in enumerate(cells))
