"""What a flush did."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass
class FlushResult:
    """What a flush did.

    Attributes:
        label: the counter.
        keys: how many sums were added to stored counts; a key counts once in each chunk.
        amount: the sum of them all.
        recounted: how many keys were recounted.
        audited: how many more were recounted by the audit, because it was their turn.
        drifted: how many of those had a wrong count, which has been corrected.
        seconds: how long it took.
        problems: what could not be applied, a sentence each. Deltas of an invalid key stay pending in the
            database; a sum that is no integer was left out.
        lost: what the buffer's server has lost, a sentence each.
        error: why the counter could not be flushed, a sentence; empty where it could.
        stopped: whether it was told to stop before the end.
        passed_over: why there was nothing to do, a sentence: the database lacks tables, or newer processes
            declare it otherwise.
    """

    label: str
    keys: int = 0
    amount: int | Decimal = 0
    recounted: int = 0
    audited: int = 0
    drifted: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    error: str = ""
    stopped: bool = False
    passed_over: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything could be applied, and nothing was lost."""
        return not (self.problems or self.lost or self.error)


class Stop(Exception):
    """The caller wants no further chunk."""
