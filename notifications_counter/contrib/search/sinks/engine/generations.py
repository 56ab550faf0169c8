"""The life of an index: each rebuild makes a generation, and aliases say which one is read.

``NAME`` is what is read: a filter of it hides the documents that are gone. ``NAME-all`` is what is written and
audited, ``NAME-previous`` what was read before the last rebuild. A generation is called ``NAME-`` and when it was
made, and has an alias ``GENERATION-all``: what is sent to an alias fails where there is none, while an index would be
made by whoever writes to it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from .....exceptions import quoted
from ...exceptions import NotSupported
from ..base import DELETED
from .connection import PATIENCE, Connection, type_of


@dataclass
class State:
    """Which generations there are.

    Attributes:
        live: the one that is read.
        previous: the one that was read before.
        others: those that were begun and not ended, and those before the previous one.
    """

    live: str | None = None
    previous: str | None = None
    others: list[str] = field(default_factory=list)


class Generations:
    """The generations of one index on one engine.

    Args:
        connection: the engine.
        name: the alias that is read.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        self.connection, self.name = connection, name
        self.all, self.previous = f"{name}-all", f"{name}-previous"

    def state(self) -> State:
        """Which there are.

        Raises:
            SinkUnavailable: an index has the alias's name.
        """
        params = {"ignore_unavailable": "true", "allow_no_indices": "true"}
        found = self.connection.ask("GET", f"/{self.name},{self.name}-*/_alias", params=params, allow=(404,))
        state = State()
        for index, one in sorted(found.body.items()) if found.status == 200 else ():
            if index in (self.name, self.all, self.previous):
                raise self.connection.unavailable(
                    f"has an index {quoted(index)}, where the search needs an alias of that name: delete that index."
                )
            if self.name in one["aliases"]:
                state.live = index
            elif self.previous in one["aliases"]:
                state.previous = index
            else:
                state.others.append(index)
        return state

    def about(self, generation: str) -> dict[str, Any]:
        """What was noted when it was made: ``index``, ``identity`` and ``fingerprint``."""
        body = self.connection.ask("GET", f"/{generation}/_mapping").body
        about: dict[str, Any] = body[generation]["mappings"].get("_meta", {}).get("notifications_counter", {})
        return about

    def begin(self, definition: dict[str, Any]) -> str:
        """Make a generation; those that were begun and not ended are dropped."""
        self._drop(self.state().others)
        generation = f"{self.name}-{timezone.now():%Y%m%d%H%M%S}-{secrets.token_hex(3)}"
        body = {**definition, "aliases": {f"{generation}-all": {}}}
        made = self.connection.ask("PUT", f"/{generation}", body, allow=(400,), seconds=PATIENCE)
        if made.status == 400 and type_of(made.body) != "resource_already_exists_exception":  # asked twice
            raise self.connection.unavailable(f"does not make the index {quoted(generation)}: {made.body}")
        return generation

    def finish(self, generation: str) -> None:
        """Let a generation be read, in one step, and keep what was read before."""
        state = self.state()
        if state.live == generation:
            return
        if generation not in (*state.others, state.previous):
            raise self.connection.unavailable(
                f"has no index {quoted(generation)} any more, which was being built:"
                " run manage.py search_index --rebuild."
            )
        settings = {"index": {"refresh_interval": None}}
        self.connection.ask("PUT", f"/{generation}/_settings", settings, seconds=PATIENCE)
        self.connection.ask("POST", f"/{generation}/_refresh", seconds=PATIENCE)
        self._switch(generation, state)
        if state.previous and state.previous != generation:
            self._drop([state.previous])

    def roll_back(self) -> None:
        """Read again what was read before, and keep what is read now in its place.

        Raises:
            NotSupported: nothing was read before.
        """
        state = self.state()
        if not state.previous or not state.live:
            raise NotSupported(f"There is nothing of before the last rebuild of {quoted(self.name)}.")
        self._switch(state.previous, state)

    def _switch(self, generation: str, state: State) -> None:
        hidden = {"term": {DELETED: False}}
        actions: list[dict[str, Any]] = []
        if state.previous:
            actions.append({"remove": {"index": state.previous, "alias": self.previous}})
        if state.live:
            actions += [{"remove": {"index": state.live, "alias": alias}} for alias in (self.name, self.all)]
            actions.append({"add": {"index": state.live, "alias": self.previous}})
        actions.append({"add": {"index": generation, "alias": self.name, "filter": hidden}})
        actions.append({"add": {"index": generation, "alias": self.all}})
        self.connection.ask("POST", "/_aliases", {"actions": actions}, seconds=PATIENCE)

    def _drop(self, generations: list[str]) -> None:
        for generation in generations:
            self.connection.ask("DELETE", f"/{generation}", allow=(404,), seconds=PATIENCE)
