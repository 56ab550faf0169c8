"""What came of a run, from what its processes have noted."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable
from typing import Any

from .workers import Pair


@dataclasses.dataclass
class Outcome:
    """Of one pair.

    Attributes:
        database: with its version.
        numbers: how many have passed, failed and been skipped.
        seconds: test -> how long it took.
        reasons: why a test was skipped -> how many were.
        unsteady: the classes that have failed and passed when they ran once more.
    """

    pair: Pair
    database: str
    numbers: collections.Counter[str]
    seconds: dict[str, float]
    reasons: collections.Counter[str]
    unsteady: list[str] = dataclasses.field(default_factory=list)


def outcome_of(pair: Pair) -> Outcome:
    outcome = Outcome(pair, pair.database, collections.Counter(), {}, collections.Counter())
    notes = pair.queue.notes()
    for note in notes:
        outcome.database = note.get("database", outcome.database)
        outcome.numbers.update({name: note.get(name, 0) for name in ("passed", "failed", "skipped")})
        outcome.seconds.update(note.get("seconds", {}))
        outcome.reasons.update(note.get("reasons", []))
    for sentence in _broken_off(pair, notes, outcome.numbers["failed"]):
        print(f"{pair.name}: {sentence}")
        outcome.numbers["failed"] += 1
    if pair.again is not None:
        _take_again(outcome, pair.again)
    return outcome


def _take_again(outcome: Outcome, pair: Pair) -> None:
    """Let what came of classes when they ran once more, alone, stand for what came of them before."""
    again = outcome_of(pair)
    passed = [name for name in outcome.pair.queue.failed() if name not in pair.queue.failed()]
    if not again.numbers["failed"] and not outcome.pair.queue.left:
        outcome.numbers["passed"] += outcome.numbers["failed"]
        outcome.numbers["failed"] = 0
    outcome.unsteady = passed


def _broken_off(pair: Pair, notes: list[dict[str, Any]], failed: int) -> list[str]:
    """What did not come to its end, where a process has died."""
    began = collections.Counter(note["began"] for note in notes if "began" in note)
    began.subtract(note["ended"] for note in notes if "ended" in note)
    sentences = [f"a process has died in {name}" for name in began.elements()]
    if left := pair.queue.left:
        sentences.append(f"{left} test classes were not run")
    if any(pair.statuses) and not failed and not sentences:
        sentences.append(f"a process ended with status {max(pair.statuses, key=abs)}")
    return sentences


def print_slowest(outcomes: Iterable[Outcome], number: int) -> None:
    took = [(seconds, outcome.pair.name, name) for outcome in outcomes for name, seconds in outcome.seconds.items()]
    if took and number:
        print(f"\nThe slowest {number} tests:")
    for seconds, pair, name in sorted(took, reverse=True)[:number]:
        print(f"{seconds:7.1f} s  {pair}  {name}")


def print_table(outcomes: Iterable[Outcome], seconds: float) -> None:
    print(f"\n{'database':<20} {'buffer':<10} {'tests':>7} {'skipped':>8} {'failed':>7} {'seconds':>8}")
    for outcome in outcomes:
        numbers, pair = outcome.numbers, outcome.pair
        row = f"{numbers.total():>7} {numbers['skipped']:>8} {numbers['failed']:>7} {pair.seconds:>8.1f}"
        print(f"{outcome.database:<20} {pair.buffer:<10} {row}")
    print(f"{seconds:.0f} s in all")


def print_unsteady(outcomes: Iterable[Outcome]) -> None:
    """What failed beside others, and not alone: somebody should look at it all the same."""
    for outcome in outcomes:
        for name in outcome.unsteady:
            print(f"unsteady: {outcome.pair.name}  {name} failed, and passed when it ran again")


def print_wants(outcomes: Iterable[Outcome], missing: dict[str, str]) -> None:
    """What was not run for want of something."""
    for name, reason in missing.items():
        print(f"not run: {name} ({reason})")
    reasons: collections.Counter[str] = collections.Counter()
    for outcome in outcomes:
        reasons.update(outcome.reasons)
    for reason, number in reasons.items():
        if reason.startswith("needs "):
            print(f"not run: {number} tests ({reason})")
