"""Draws the layers of the package and three paths through them: a change, a flush and a read.

    python docs/drawings/architecture.py

writes docs/architecture.svg. The layers are those of the import contracts, top to bottom; tests/docs holds the drawing
to this file, and the names of the layers to the modules of the package.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

TARGET = Path(__file__).resolve().parent.parent / "architecture.svg"


class Layer(NamedTuple):
    """Modules and packages that may import each other only downwards, and what they hold."""

    names: tuple[str, ...]
    holds: str


LAYERS = (
    Layer(("apps",), "connects capture, installs the seams"),
    Layer(("testing",), "help for the tests of a site"),
    Layer(("contrib", "inbox"), "apps of their own: clicks, online, search, streams; inbox, API"),
    Layer(("live",), "streams of values beside the site's application"),
    Layer(
        (
            *("admin", "user_counts_admin", "status_admin", "composite_admin", "controller", "templatetags"),
            *(
                "management",
                "cron",
                "tasks",
                "checks",
                "pruning",
                "badge",
                "context_processors",
                "middleware",
            ),
        ),
        "what people and programs use",
    ),
    Layer(("models", "annotations", "monitoring"), "built-in models, values in queries, status"),
    Layer(("revisions", "together", "counters", "querysets"), "Counter: the declaration and its operations"),
    Layer(("flushing",), "the order of a flush, drain"),
    Layer(("projections",), "documents that follow rows, for sinks such as a search index"),
    Layer(("reconciliation",), "recount, backfill, audit"),
    Layer(("capture", "applying", "triggers"), "independent: changes in, chunks out, SQL triggers"),
    Layer(("buffers",), "where deltas are pending, and the door to it"),
    Layer(("ledger",), "tables of deltas and progress, snapshots"),
    Layer(("declaration",), "what a counter says: key, filter, registry"),
    Layer(
        (
            "conf",
            "exceptions",
            "fields",
            "fillfactor",
            "identity_table",
            "indexes",
            "rename_counter",
            "signals",
            "target_field",
            "compat",
            "dialects",
        ),
        "ground",
    ),
)

#: Pixels: of the page, of a layer, of the column of names, and of a step of a path.
WIDTH, HIGH, TOP, STEP = 1020, 64, 44, 150


class Path_(NamedTuple):
    """A path through the layers: its colours, where it runs, and its steps by layer."""

    name: str
    line: str
    fill: str
    x: int
    steps: dict[str, tuple[str, str]]


PATHS = (
    Path_(
        "a change",
        "#1f5fa8",
        "#e3edfb",
        470,
        {
            "models": ("Notification", ".objects.create()"),
            "capture": ("pre_save holds,", "post_save settles"),
            "buffers": ("recording: a delta", "for each key"),
        },
    ),
    Path_(
        "a flush",
        "#8a5a00",
        "#fdf1dc",
        650,
        {
            "admin": ("notification_", "update_counter"),
            "flushing": ("recount, claim,", "apply, audit"),
            "capture": ("applying: a chunk", "and its progress"),
            "buffers": ("the next slice", "of the batch"),
        },
    ),
    Path_(
        "a read",
        "#2f7d46",
        "#e2f3e6",
        830,
        {
            "admin": ("{% unread_badge %},", "NotificationController"),
            "counters": ("Counter.value()", ""),
            "buffers": ("the cached total;", "if there is none:"),
            "ledger": ("a snapshot:", "stored + pending"),
        },
    ),
)

#: What is outside the package: x, width, name, and what it holds.
OUTSIDE = (
    (200, 190, "Redis", "intents, pending, batch, totals"),
    (410, 590, "the database", "pending deltas of the database buffer, progress, count rows"),
)


def svg() -> str:
    bottom = TOP + HIGH * len(LAYERS)
    height = bottom + 112
    lines = [*_head(height), *_layers(), *_titles()]
    for path in PATHS:
        lines += _path(path, bottom + 30)
    return "\n".join([*lines, *_to_redis(bottom + 30), *_outside(bottom + 30), "</svg>"]) + "\n"


def _head(height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        ' aria-labelledby="title description" font-family="sans-serif" font-size="12">'
    )
    yield '<title id="title">The layers of notifications_counter</title>'
    yield f'<desc id="description">{escape(_in_words())}</desc>'
    tips = (f'<marker id="{_id(path)}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
            f' orient="auto"><path d="M0 0 10 5 0 10z" fill="{path.line}"/></marker>' for path in PATHS)  # fmt: skip
    yield f"<defs>{''.join(tips)}</defs>"
    yield (
        "<style>text { fill: #1b1b1b } .names { font-family: monospace; font-size: 12px; font-weight: bold }"
        " .holds { fill: #555 } .middle, .title { text-anchor: middle } .title { font-weight: bold }</style>"
    )
    yield f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#fafafa"/>'


def _in_words() -> str:
    layers = "; ".join(f"{', '.join(layer.names)}: {layer.holds}" for layer in LAYERS)
    paths = " ".join(
        f"The path of {path.name}: {'; '.join(' '.join(step).strip() for step in path.steps.values())}."
        for path in PATHS
    )
    return f"Layers from top to bottom, of which each imports from those below it only: {layers}. {paths}"


def _id(path: Path_) -> str:
    return path.name.replace(" ", "-")


def _layers() -> Iterator[str]:
    for place, layer in enumerate(LAYERS):
        y = TOP + HIGH * place
        yield f'<rect x="10" y="{y}" width="{WIDTH - 20}" height="{HIGH - 6}" rx="5" fill="#eef0f2"/>'
        rows = _wrapped(layer.names, 44)
        for row, names in enumerate(rows):
            yield f'<text x="22" y="{y + 20 + 15 * row}" class="names">{escape(names)}</text>'
        yield f'<text x="22" y="{y + 22 + 15 * len(rows)}" class="holds">{escape(layer.holds)}</text>'


def _wrapped(names: tuple[str, ...], length: int) -> list[str]:
    rows = [""]
    for name in names:
        if len(rows[-1]) + len(name) > length:
            rows.append("")
        rows[-1] += f"{name}  "
    return [row.strip() for row in rows]


def _titles() -> Iterator[str]:
    for path in PATHS:
        yield f'<text x="{path.x}" y="30" class="title" style="fill: {path.line}">{path.name}</text>'


def _path(path: Path_, end: int) -> Iterator[str]:
    tops = [_top(name) for name in path.steps]
    for top, below in zip(tops, [*tops[1:], end], strict=True):
        yield (
            f'<path d="M{path.x} {top + 44}V{below - 1}" fill="none" stroke="{path.line}" stroke-width="2"'
            f' marker-end="url(#{_id(path)})"/>'
        )
    for top, (first, second) in zip(tops, path.steps.values(), strict=True):
        yield (
            f'<rect x="{path.x - STEP // 2}" y="{top}" width="{STEP}" height="44" rx="5" fill="{path.fill}"'
            f' stroke="{path.line}" stroke-width="1.5"/>'
        )
        yield f'<text x="{path.x}" y="{top + (18 if second else 26)}" class="middle">{escape(first)}</text>'
        yield f'<text x="{path.x}" y="{top + 34}" class="middle">{escape(second)}</text>' if second else ""


def _top(name: str) -> int:
    """Where the step in the layer of a module begins."""
    (place,) = (place for place, layer in enumerate(LAYERS) if name in layer.names)
    return TOP + HIGH * place + 7


def _outside(top: int) -> Iterator[str]:
    for x, width, name, holds in OUTSIDE:
        middle = x + width // 2
        yield f'<rect x="{x}" y="{top}" width="{width}" height="62" rx="5" fill="#f3f3f3" stroke="#777"/>'
        yield f'<text x="{middle}" y="{top + 26}" class="title">{name}</text>'
        yield f'<text x="{middle}" y="{top + 46}" class="middle holds">{holds}</text>'


def _to_redis(end: int) -> Iterator[str]:
    """With the Redis buffer, where a change goes instead."""
    change, y = PATHS[0], _top("buffers") + 22
    x = OUTSIDE[0][0] + 150
    yield (
        f'<path d="M{change.x - STEP // 2} {y}H{x}V{end - 1}" fill="none" stroke="{change.line}" stroke-width="2"'
        f' stroke-dasharray="5 3" marker-end="url(#{_id(change)})"/>'
    )
    yield f'<text x="{x + 8}" y="{y + 40}" class="holds">with the</text>'
    yield f'<text x="{x + 8}" y="{y + 54}" class="holds">Redis buffer</text>'


if __name__ == "__main__":
    TARGET.write_text(svg())
    print(TARGET)
