"""What a stream shows: the interface between the transport and whatever has values."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..counters import Counter


@dataclass(frozen=True, slots=True)
class Value:
    """What a key has at one revision.

    Attributes:
        epoch: revisions of different epochs cannot be compared.
        revision: within an epoch, a value with a higher one is newer.
        data: what the event says, as JSON has it.
    """

    epoch: str
    revision: int
    data: Mapping[str, Any]

    def event(self, name: str) -> bytes:
        """The value as a server-sent event, with epoch and revision as its id."""
        return f"event: {name}\nid: {self.epoch}:{self.revision}\ndata: {json.dumps(dict(self.data))}\n\n".encode()


class Channel(Protocol):
    """Values by key, of which each stream shows one. Its methods run in one thread of their own, never at once.

    Attributes:
        name: of the events.
        counter: its changes are changes of the values, and its buffer tells other processes of them; None where looking
            is all there is, which is then done twice in an interval.
        interval: seconds between two looks at all values that are shown, for changes that nobody has told of.
        session_interval: seconds in which the sessions of all streams are looked at once.
    """

    name: str

    @property
    def counter(self) -> Counter | None: ...

    @property
    def interval(self) -> float: ...

    @property
    def session_interval(self) -> float: ...

    def key(self, user: Any) -> str | None:
        """The key whose value a user may see; None for none."""

    def peek(self, keys: Sequence[str]) -> Mapping[str, Hashable]:
        """Something of each key that is another one whenever its value is: asked at each look, for all that are shown.

        As cheap as it can be, for it is what finds a change that nobody has told of.
        """

    def read(self, keys: Sequence[str]) -> Mapping[str, Value]:
        """The values of keys."""
