"""Limits of what may be pending, and for how long: what a monitoring system checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..buffers.status import Status
from .report import number


@dataclass(frozen=True)
class Thresholds:
    """What may not be passed; None for what may be anything.

    Attributes:
        age: seconds since the last flush.
        keys: how many keys have pending deltas.
        intent_age: seconds since the oldest intent was left.
        drift_within: wrong counts that the audit found so many seconds ago, or less.
    """

    age: float | None = None
    keys: float | None = None
    intent_age: float | None = None
    drift_within: float | None = None

    def passed(self, status: Status) -> Iterator[str]:
        """A sentence for each of them that a status passes."""
        yield from self._flush(status)
        if self.keys is not None and status.keys > self.keys:
            yield f"{status.label}: deltas of {number(status.keys, 'key')} are pending, more than {self.keys:g}."
        if self.intent_age is not None and (status.oldest_intent or 0) > self.intent_age:
            yield f"{status.label}: the oldest intent is {status.oldest_intent} s old, more than {self.intent_age:g} s."
        age = status.drift_age
        if self.drift_within is not None and age is not None and age <= self.drift_within:
            found = f"the audit found {number(status.drift_keys, 'wrong count')} {age:.0f} s ago"
            yield f"{status.label}: {found}, within {self.drift_within:g} s."

    def _flush(self, status: Status) -> Iterator[str]:
        if self.age is None:
            return
        if status.flush_age is None:
            yield f"{status.label}: it has never been flushed, so not within {self.age:g} s."
        elif status.flush_age > self.age:
            yield f"{status.label}: the last flush was {status.flush_age:.0f} s ago, more than {self.age:g} s."
