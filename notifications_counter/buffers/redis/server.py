"""How a Redis buffer speaks to its server: one question at a time, and not at all for a while when it is away."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ...exceptions import BufferUnavailable
from .breaker import Breaker
from .client import ERRORS, UNREACHABLE, NoScriptError, is_cluster, make_client, texts

SCRIPTS = Path(__file__).with_name("scripts")


#: Stands before the scripts of counters that have no groups; see ``groups.lua``.
NO_GROUPS = "local groups = false\n"


class Base(str):
    """What the names of a shard's keys begin with.

    Attributes:
        has_groups: whether the keys are composite, so that scripts have groups to keep.
    """

    has_groups = False


@cache
def script_text(name: str, has_groups: bool = False) -> str:
    """A script as the server gets it.

    Args:
        name: the script's name.
        has_groups: whether it is for a counter with composite keys.
    """
    before = (SCRIPTS / "groups.lua").read_text() if has_groups else NO_GROUPS
    return before + (SCRIPTS / f"{name}.lua").read_text()


@cache
def script_hash(name: str, has_groups: bool = False) -> str:
    """Under which a server knows a script."""
    return hashlib.sha1(script_text(name, has_groups).encode(), usedforsecurity=False).hexdigest()


def unavailable(breaker: Breaker, error: Exception) -> BufferUnavailable:
    """What to raise for an error of a client, which the breaker of its server is told of where there was no answer."""
    if isinstance(error, UNREACHABLE):
        breaker.failed(error)
    return BufferUnavailable(f"{breaker.name}: {type(error).__name__}: {error}")


class RedisServer:
    """The server of a buffer, or the nodes of its cluster.

    Args:
        alias: the buffer's alias in the settings.
        options: its options.
    """

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        self.alias = alias
        self.options = options
        self.breaker = Breaker(f"Redis buffer {alias!r}")
        self._node_breakers: dict[str, Breaker] = {}

    def close(self) -> None:
        """Let go of connections, unless the client is shared with the project."""
        if "client" in self.__dict__ and self.options["URL"] is not None:
            self.client.close()

    @cached_property
    def client(self) -> Any:
        return make_client(self.alias, self.options)

    @cached_property
    def _is_cluster(self) -> bool:
        return is_cluster(self.client)

    def ask(self, name: str, question: Callable[[], Any], urgent: bool = False) -> Any:
        """Ask the server.

        Args:
            name: of the Redis key that it is about: a cluster has a server for each.
            question: the call of its client.
            urgent: whether to ask even if it did not answer a moment ago.

        Raises:
            BufferUnavailable: it does not answer, refuses, or did not answer a moment ago.
        """
        breaker = self.breaker_of(name)
        if not urgent:
            breaker.refuse_if_open()
        try:
            reply = question()
        except ERRORS as error:
            raise unavailable(breaker, error) from error
        breaker.answered()
        return reply

    def breaker_of(self, name: str) -> Breaker:
        """The breaker of the server that has a Redis key.

        Each node of a cluster has its own, so that one that is away costs nothing on the others.
        """
        if "client" not in self.__dict__ or not self._is_cluster:
            return self.breaker
        try:
            node = self.client.get_node_from_key(name).name
        except UNREACHABLE:  # no node holds the key
            return self.breaker
        if node not in self._node_breakers:
            own = Breaker(f"Redis buffer {self.alias!r}, node {node}", self.breaker.seconds)
            return self._node_breakers.setdefault(node, own)
        return self._node_breakers[node]

    def get(self, name: str) -> Any:
        """The value of a Redis key."""
        # Not self.client.get itself: a cluster's client, which asks its nodes when it is made, is made inside of ask.
        return self.ask(name, lambda: self.client.get(name))

    def get_many(self, names: Sequence[str]) -> Any:
        """The values of Redis keys of one shard."""
        return self.ask(names[0], lambda: self.client.mget(names))

    def run(self, name: str, base: Base, *arguments: Any, urgent: bool = False) -> Any:
        """Run a script on one shard, and give its reply with strings as text."""
        return texts(self.ask(base, lambda: self._evaluate(name, base, arguments), urgent))

    def _evaluate(self, name: str, base: Base, arguments: Sequence[Any]) -> Any:
        try:
            return self.client.evalsha(script_hash(name, base.has_groups), 1, base, *arguments)
        except NoScriptError:  # redis-py's own Script would now ask all nodes of a cluster, also one that is away
            return self.client.eval(script_text(name, base.has_groups), 1, base, *arguments)
