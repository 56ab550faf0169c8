"""Two runs of a suite, without and with counters: what differs, and what was counted wrongly."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOT_RUN = ["did not run", "", ""]
#: Keys of one counter that are shown.
SHOWN = 3
FINE = ("passed", "skipped", "failed as expected")


@dataclass
class Run:
    """What ``runner.Record`` has written; nothing where the run broke off."""

    outcomes: dict[str, list[str]] = field(default_factory=dict)
    wrong: dict[str, list[list[Any]]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    unchecked: dict[str, str] = field(default_factory=dict)
    queries: dict[str, list[list[int]]] = field(default_factory=dict)
    checked: list[str] = field(default_factory=list)
    counters: int = 0

    @classmethod
    def read(cls, path: Path) -> Run:
        return cls(**json.loads(path.read_text())) if path.exists() else cls()


@dataclass
class Comparison:
    """One part of a suite."""

    part: str
    bare: Run
    counted: Run
    #: The beginnings of the names of tests that may end otherwise, and of those after which a count may be wrong.
    expected: Collection[str] = ()
    unseen: Collection[str] = ()

    def changed(self) -> dict[str, list[str]]:
        """Tests that ended otherwise: how without and with counters, what was said, and the traceback."""
        found = {}
        for test in sorted({*self.bare.outcomes, *self.counted.outcomes}):
            before = self.bare.outcomes.get(test, NOT_RUN)
            after = self.counted.outcomes.get(test, NOT_RUN)
            if before[0] != after[0] and not test.startswith(tuple(self.expected)):
                _, said, trace = after if before[0] in FINE else before
                found[test] = [before[0], after[0], said, trace]
        return found

    def broken(self) -> list[str]:
        """Tests whose transaction is unusable at their end only with counters."""
        return [test for test in self.counted.broken if test not in self.bare.broken]

    def queries(self) -> list[str]:
        """Tests that took another number of statements with counters, where they say how many."""
        numbers = self.counted.queries
        return [test for test, found in numbers.items() if found != self.bare.queries.get(test)]

    def wrong(self) -> dict[str, list[list[Any]]]:
        return {test: found for test, found in self.counted.wrong.items() if not test.startswith(tuple(self.unseen))}

    @property
    def ok(self) -> bool:
        wanting = self.counted.unchecked or self.broken() or self.changed() or self.wrong()
        return bool(self.counted.outcomes) and not wanting

    def summary(self) -> str:
        passed = sum(outcome == "passed" for outcome, *_ in self.bare.outcomes.values())
        numbers = [len(self.bare.outcomes), passed, self.counted.counters, len(self.counted.checked)]
        noted = [self.counted.unchecked, self.queries(), self.broken(), self.changed(), self.wrong()]
        return row(self.part, *numbers, *map(len, noted))

    def details(self, tracebacks: bool) -> Iterator[str]:
        if not self.counted.outcomes:
            yield "  the run with counters broke off"
            return
        for test, (before, after, said, trace) in self.changed().items():
            yield f"  {test}: {before} -> {after}"
            yield trace if tracebacks else f"      {said}"
        for test in self.broken():
            yield f"  {test}: leaves a broken transaction"
        for test, found in self.wrong().items():
            yield f"  {test}: wrong"
            yield from map("      {}".format, in_short(found))
        for test, said in self.counted.unchecked.items():
            yield f"  {test}: cannot be checked, {said.splitlines()[0]}"


def in_short(wrong: list[list[Any]]) -> Iterator[str]:
    """A line for all keys of one counter that were wrong at the same moments."""
    moments: dict[tuple[Any, ...], list[str]] = {}
    for counter, using, when, *count in wrong:
        moments.setdefault((counter, using, *count), []).append(when)
    lines: dict[tuple[str, ...], list[str]] = {}
    for (counter, using, key, value, rows), times in moments.items():
        lines.setdefault((counter, using, ", ".join(times)), []).append(f"key {key}: {value} for {rows} rows")
    for (counter, using, times), counts in lines.items():
        more = f"; {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
        yield f"{counter} on {using}, {times}: {'; '.join(counts[:SHOWN])}{more}"


def row(part: str, *numbers: object) -> str:
    return f"{part:<28}" + "".join(f"{number:>10}" for number in numbers)


HEAD = row("", "tests", "passed", "counters", "checked", "unchecked", "queries", "broken", "changed", "wrong")
