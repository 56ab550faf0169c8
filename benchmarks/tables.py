"""Makes the tables and the first chart of the documentation from what was measured, so that nobody types a figure.

    python -m benchmarks.tables docs/benchmarks

It makes, beside those of them that the folder has: from figures.json (``python -m benchmarks --json``) figures.rst,
targets.rst and badge-read.svg, from growth.json (``python -m benchmarks.growth --json``) growth.rst, and from
bloat.json (``python -m benchmarks.bloat --json``) bloat.rst.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import badge_chart
from .bloat import AUTO, Bloat
from .measure import Figure
from .report import line, rounded, size
from .sizes import head, rows

Found = dict[str, Any]


def figures(found: Found) -> list[str]:
    columns = ("what", "takes", "against", "takes", "ratio (spread)")
    lines = []
    for row in found["figures"]:
        what, against, ours, theirs, ratio, spread, *_ = cells_of(row)
        lines.append(list(map(text, (what, ours, against, theirs, f"{ratio} ({spread})"))))
    return list_table(columns, lines, (28, 10, 26, 10, 20))


def targets(found: Found) -> list[str]:
    """For those who develop the package: what each figure is to reach."""
    lines = []
    for row in found["figures"]:
        if row["reach"] is not None:
            what, against, _, _, ratio, *_ = cells_of(row)
            reach = row["reach"].replace("0.333333", "a third")
            lines.append([*map(text, (what, against, ratio, reach)), "yes" if row["reached"] else "**no**"])
    return list_table(("what", "against", "ratio", "to reach", "reached"), lines, (32, 28, 14, 14, 10))


def cells_of(row: dict[str, Any]) -> tuple[str, ...]:
    values = {**row, "reach": None}
    return line(Figure(**{name: values[name] for name in Figure.__dataclass_fields__}))


def growth(found: Found) -> list[str]:
    names = head(found["sizes"])
    return list_table(names, [list(map(text, cells)) for cells in rows(found["sizes"])], (30, *[10] * (len(names) - 1)))


def bloat(found: Found) -> list[str]:
    columns = ("table", "parameters", "vacuum", "table, new and at the end", "index", "in the page", "users a second")
    lines = []
    for each in (Bloat(**row) for row in found["tables"]):
        (new, index), (end, index_end) = each.new, each.end
        by_itself = f"the server's own, {each.autovacuums} times" if each.vacuum == AUTO else "after each flush"
        what = f"{each.what} of {each.users:,} users, {each.flushes} flushes"
        cells = [what, f"``{each.parameters}``", by_itself, f"{size(new)}, {size(end)}"]
        cells += [f"{size(index)}, {size(index_end)}", "" if each.in_page is None else f"{each.in_page:.0%}"]
        rates = f"{rounded(each.first)}, at the end {rounded(each.last)}, at best {rounded(each.fastest)}"
        lines.append([*cells, rates])
    return list_table(columns, lines, (14, 22, 14, 16, 16, 8, 18))


def under_which_conditions(found: Found) -> list[str]:
    server, packages = dict(found["postgresql"]), dict(found["packages"])
    version = server.pop("server_version").split()[0]
    names = ", ".join(f"{name} {number}" for name, number in packages.items())
    settings = ", ".join(f"``{name} = {value}``" for name, value in server.items())
    return [
        f"Measured on {found['date'][:10]} by ``{found['command']}``,",
        f"on a machine with {found['cpus']} processors ({found['machine']}) and both servers on it: "
        f"Python {found['python']}, {names}, Redis or Valkey {found['redis']}, PostgreSQL {version} with {settings}.",
        "",
    ]


def text(cell: str) -> str:
    """Without a meaning of its own in reStructuredText."""
    return re.sub(r"([\\*`|_])", r"\\\1", cell)


def list_table(head: Sequence[str], lines: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    made = [".. list-table::", "   :header-rows: 1", f"   :widths: {' '.join(map(str, widths))}", ""]
    for cells in (head, *lines):
        for place, cell in enumerate(cells):
            made.append(f"   {' ' if place else '*'} - {cell}".rstrip())
    return made


#: Measured -> the tables that are made from it.
MADE: dict[str, dict[str, Callable[[Found], list[str]]]] = {
    "figures": {"figures": figures, "targets": targets},
    "growth": {"growth": growth},
    "bloat": {"bloat": bloat},
}


def make(folder: Path) -> dict[Path, str]:
    """The files, and what is to be in them."""
    made = {}
    for name, tables in MADE.items():
        source = folder / f"{name}.json"
        if source.exists():
            found = json.loads(source.read_text())
            made |= {folder / f"{table}.rst": page(source.name, found, lines(found)) for table, lines in tables.items()}
            if name == "figures":
                made[folder / "badge-read.svg"] = badge_chart.svg(found)
    return made


def page(source: str, found: Found, table: list[str]) -> str:
    warning = f".. Made from {source} by: python -m benchmarks.tables"
    return "\n".join([warning, "", *under_which_conditions(found), *table]) + "\n"


def main() -> None:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("Give the folder that has the JSON files, such as docs/benchmarks.")
    for target, content in make(Path(sys.argv[1])).items():
        target.write_text(content)
        print(target)


if __name__ == "__main__":
    main()
