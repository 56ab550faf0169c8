"""What a flush did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class FlushResult:
    """What a flush did.

    Attributes:
        label: the counter.
        keys: how many sums were added to stored counts; a key counts once in each chunk.
        amount: the sum of them all.
        recounted: for how many keys the source was counted again.
        audited: for how many more it was counted again only because it was their turn.
        drifted: of how many of those the count was wrong, and has been corrected.
        seconds: how long it took.
        problems: what could not be applied, a sentence each. What has no valid key waits in the database; a sum that is
            no integer was left out.
        lost: what the buffer's server has lost, a sentence each.
        stopped: whether it was told to stop before the end.
    """

    label: str
    keys: int = 0
    amount: int = 0
    recounted: int = 0
    audited: int = 0
    drifted: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stopped: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything could be applied, and nothing was lost."""
        return not self.problems and not self.lost


class Stop(Exception):
    """The caller wants no further chunk."""
