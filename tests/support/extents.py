"""What is run of the tests on each pair of a database and a buffer.

Everything is run with each database and with each buffer, but not with each pair of them: there, what depends on one of
the two. ``--long``, and who names databases or buffers, has all of it.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence

DATABASES = ["sqlite", "postgresql", "mariadb"]
BUFFERS = ["database", "redis"]
#: Suite -> its settings, and where its tests are. That of the apps has them all installed.
APPS = ["tests.inbox", "tests.clicks", "tests.online", "tests.products", "tests.search", "tests.streams"]
SUITES = {"engine": ("tests.settings", ["tests"]), "apps": ("tests.apps_settings", APPS)}

Labels = Sequence[str]
#: Suite -> what is run of it; none of a suite that is not there.
Part = Mapping[str, Labels]

WHOLE: Labels = ()
#: What depends on the database, or on the buffer.
ENGINE = [
    f"tests.{part}" for part in ("buffers", "capture", "compat", "flushing", "ledger", "reconciliation", "triggers")
]
OF_DATABASE = ["tests.inbox", "tests.search"]
OF_REDIS = ["tests.online", *(f"tests.inbox.test_{part}" for part in ("revisions", "together", "wake_ups", "streams"))]

QUICK: Mapping[tuple[str, str], Part] = {
    ("sqlite", "database"): {"engine": WHOLE, "apps": WHOLE},
    ("sqlite", "redis"): {"engine": ENGINE, "apps": OF_REDIS},
    ("postgresql", "database"): {"engine": ENGINE, "apps": OF_DATABASE},
    ("postgresql", "redis"): {"engine": ENGINE},
    ("mariadb", "database"): {"engine": ENGINE},
    ("mariadb", "redis"): {"engine": ENGINE},
}
ALL: Mapping[tuple[str, str], Part] = {
    ("sqlite", "database"): {"engine": WHOLE, "apps": WHOLE},
    ("sqlite", "redis"): {"engine": ENGINE, "apps": ["tests.clicks", "tests.inbox", "tests.online"]},
    ("postgresql", "database"): {"engine": ENGINE, "apps": WHOLE},
    ("postgresql", "redis"): {"engine": WHOLE},
    ("mariadb", "database"): {"engine": WHOLE, "apps": OF_DATABASE},
    ("mariadb", "redis"): {"engine": ENGINE},
}
#: Pairs of which both go through what takes longest with others.
BOTH_LONG_ELSEWHERE = {("mariadb", "redis"), ("postgresql", "database"), ("sqlite", "redis")}
#: Tags of tests that take longest: of those that other pairs have too, and of those that one pair alone has.
LONG, LONG_ALONE = "long", "long-alone"


@dataclasses.dataclass(frozen=True)
class Extent:
    """What is run of one suite on one pair.

    Attributes:
        labels: which tests.
        without: the tags of tests that are left out.
        effort: how far the others go whose length is arbitrary: "quick", "most" or "long".
    """

    labels: Labels
    without: Sequence[str]
    effort: str


def effort(options: argparse.Namespace) -> str:
    """How far tests go, where nothing is said of a pair."""
    if options.long:
        return "long"
    return "most" if options.most or options.all or options.labels or options.k else "quick"


def extents_of(options: argparse.Namespace, database: str, buffer: str, databases: Sequence[str]) -> dict[str, Extent]:
    """Suite -> what is run of it; none of a suite of which nothing is.

    Args:
        options: what ``runtests.py`` was asked for.
        database, buffer: the pair.
        databases: those that are there.
    """
    named = options.labels or options.k
    part = dict.fromkeys(SUITES, WHOLE) if named else _part(options, database, buffer, databases)
    return {
        suite: _extent(options, suite, database, buffer, labels)
        for suite, labels in part.items()
        if options.suite in (None, suite) and (not options.labels or _chosen(options, suite))
    }


def _part(options: argparse.Namespace, database: str, buffer: str, databases: Sequence[str]) -> Part:
    whole = dict.fromkeys(SUITES, WHOLE)
    if effort(options) == "quick":
        if not (options.database or options.buffer):
            return QUICK[database, buffer]
        return QUICK["sqlite", "redis"] if buffer == "redis" and not options.buffer else whole
    is_matrix = not options.long and not (options.database or options.buffer) and set(databases) == set(DATABASES)
    return ALL[database, buffer] if is_matrix else whole


def _chosen(options: argparse.Namespace, suite: str) -> list[str]:
    """The labels that somebody has named of a suite."""
    of_apps = [label for label in options.labels if any(f"{label}.".startswith(f"{app}.") for app in APPS)]
    return of_apps if suite == "apps" else [label for label in options.labels if label not in of_apps]


def _extent(options: argparse.Namespace, suite: str, database: str, buffer: str, labels: Labels) -> Extent:
    """Tests that somebody names run, however long they take."""
    is_part = suite == "engine" and labels is ENGINE and effort(options) == "most"
    left_out = [] if options.long or options.all or options.labels or options.k else [LONG, LONG_ALONE]
    if is_part and (database, buffer) in BOTH_LONG_ELSEWHERE:
        left_out = left_out or [LONG]
    _, every = SUITES[suite]
    return Extent(_chosen(options, suite) or labels or every, left_out, "quick" if is_part else effort(options))
