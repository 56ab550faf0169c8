"""How a Redis buffer speaks to its server: one question at a time, and not at all for a while when it is away."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property, partial
from typing import Any, NamedTuple
from weakref import WeakSet

from ...exceptions import BufferRefused, BufferUnavailable
from ...ledger.store import CounterStore
from .breaker import MEANWHILE, Breaker
from .client import (
    ERRORS,
    UNREACHABLE,
    Connections,
    NoScriptError,
    escaped,
    is_cluster,
    is_cut,
    is_full_pool,
    is_refusal,
    lacks_permission,
    make_client,
    redis,
    texts,
    unlink,
)
from .owed import Owed
from .recovery import Recovery
from .scripts import Base, commands_at, evalsha, script_text, sent_evalsha

#: Steps that may not be carried out twice without harm, or that somebody else sends again. A claim may have noticed a
#: loss that the next claim would not; a push that is sent twice requests a recount.
ONCE = frozenset({"claim", "push", "add"})

#: For how long a thread sleeps while all connections of a pool are in use.
FULL_POOL_PAUSE = 0.005


#: With how many keys calls of several counters are sent together: a server does nothing else while it runs them.
MOST_TOGETHER = 100

#: From how many calls on two threads send them, each with a connection: while the server runs one, the next is packed.
MANY_CALLS = 4


class Call(NamedTuple):
    """A script that is to be run.

    Attributes:
        name: of the script.
        base: of the shard.
        arguments: of the script.
        store: the counter whose keys it changes.
        keys: the keys.
    """

    name: str
    base: Base
    arguments: Sequence[Any]
    store: CounterStore
    keys: Sequence[str]


def unavailable(breaker: Breaker, step: str, base: str, error: Exception) -> BufferUnavailable:
    """What to raise for an error of a client, of which the breaker of its server is told, or what it refuses."""
    if is_refusal(error):
        if lacks_permission(error) and (commands := commands_at(step, getattr(base, "has_groups", False), str(error))):
            error = type(error)(f"{commands.upper()}: {error}")
        breaker.refusal.refused(step, error, lacks_permission(error))
        return BufferRefused(f"{breaker.name}: {step} was refused: {error}")
    if isinstance(error, UNREACHABLE) and not is_full_pool(error):
        breaker.failed(error)
    return BufferUnavailable(f"{breaker.name}: {type(error).__name__}: {error}")


class RedisServer:
    """The server of a buffer, or the nodes of its cluster.

    Args:
        alias: the buffer's alias in the settings.
        options: its options.
        name: what the log calls it.
        meanwhile: what the log says of the time in which it does not answer.

    Attributes:
        is_troubled: whether one did not answer or has refused, or is owed something.
    """

    def __init__(
        self, alias: str, options: Mapping[str, Any], *, name: str | None = None, meanwhile: str = MEANWHILE
    ) -> None:
        self.alias = alias
        self.options = options
        self.name = name or f"Redis buffer {alias!r}"
        self.breaker = Breaker(self.name, meanwhile=meanwhile)
        self.is_troubled = False
        self._node_breakers: dict[str, Breaker] = {}
        self._sick: dict[Breaker, str] = {}
        self._owed = Owed()
        self._settling = threading.Lock()
        self._recovery = Recovery(self._heal)

    def close(self) -> None:
        """Let go of connections, unless the client is shared with the project."""
        self._recovery.close()
        if "client" in self.__dict__ and self.options["URL"] is not None:
            self.client.close()

    @cached_property
    def client(self) -> Any:
        return make_client(self.alias, self.options)

    @cached_property
    def _connections(self) -> Connections | None:
        """Those of a client of our own."""
        return None if self.options["URL"] is None else Connections(self.client)

    @cached_property
    def execute(self) -> Callable[..., Any]:
        """Sends a command and reads its reply."""
        return self._connections.execute if self._connections else self.client.execute_command

    @cached_property
    def _is_cluster(self) -> bool:
        return is_cluster(self.client)

    # Questions

    def ask(self, name: str, question: Callable[[], Any], urgent: bool = False, step: str = "read") -> Any:
        """Ask the server.

        Args:
            name: of the Redis key that it is about: a cluster has a server for each.
            question: the call of its client.
            urgent: whether to ask even if it did not answer a moment ago.
            step: what is done by that.

        Raises:
            BufferRefused: it answers, and refuses.
            BufferUnavailable: it does not answer, or did not answer a moment ago.
        """
        breaker = self.breaker_of(name)
        if breaker.is_failing or breaker.refusal.steps:
            self.before(breaker, step, urgent)
        try:
            reply = self._answer(question, step)
        except ERRORS as error:
            raise self.failed(breaker, step, name, error) from error
        if self.is_troubled:
            self.answered(breaker, step)
        return reply

    def before(self, breaker: Breaker, step: str, urgent: bool = False) -> None:
        """Refuse to ask what would not be answered.

        Raises:
            BufferRefused: the server takes no writes.
            BufferUnavailable: it did not answer a moment ago.
        """
        if not urgent:
            breaker.refuse_if_open()
        if breaker.refusal.steps:
            breaker.refusal.raise_if_known(step)

    def _answer(self, question: Callable[[], Any], step: str) -> Any:
        """The answer; asked again where the first question was not heard, or does no harm if it was."""
        try:
            return question()
        except redis.ReadOnlyError:  # another server may have the name, or the address, of the one before
            self._drop_connections()
            return question()
        except redis.ConnectionError as error:
            if is_full_pool(error):
                return self._when_one_is_free(question, error)
            if step in ONCE or not is_cut(error):
                raise
            return question()

    def _when_one_is_free(self, question: Callable[[], Any], error: redis.ConnectionError) -> Any:
        """All connections of the client's pool are in use, which is no sign of the server."""
        end = time.monotonic() + self.options["TIMEOUT"]
        while time.monotonic() < end:
            time.sleep(FULL_POOL_PAUSE)
            try:
                return question()
            except redis.ConnectionError as another:
                if not is_full_pool(another):
                    raise
                error = another
        raise error

    def _drop_connections(self) -> None:
        if self._connections:
            self._connections.drop()
        pool = getattr(self.client, "connection_pool", None)
        if pool is None:
            return
        try:
            pool.disconnect(inuse_connections=False)
        except TypeError:  # redis-py 5
            pool.disconnect()

    def failed(self, breaker: Breaker, step: str, name: str, error: Exception) -> BufferUnavailable:
        """What to raise for an error of a client; from then on a thread looks whether the server is well again."""
        unsaid = unavailable(breaker, step, name, error)
        if breaker.is_failing or breaker.refusal.steps:
            self._sick[breaker] = name
            self._see_to_it()
        return unsaid

    def answered(self, breaker: Breaker, step: str) -> None:
        """Note an answer after trouble. What is owed comes first, so that nobody reads what is cached too early."""
        if self._recovery.is_elsewhere and not breaker.refusal.is_about_permission:
            return
        breaker.refusal.accepted(step)
        if not breaker.refusal.steps and self._owed and not self.settle():
            return
        breaker.answered()
        self.is_troubled = bool(self._owed) or any(one.is_failing or one.refusal.steps for one in self._breakers())

    # What is owed

    def owe_keys(self, name: str, base: Base, keys: Iterable[str], *arguments: Any) -> None:
        """Run a script with keys as soon as the server takes it."""
        self._owed.add_keys((name, base, arguments), keys)
        self._see_to_it()

    def owe_push(self, name: str, base: Base, *arguments: Any) -> None:
        """Send a push again as soon as the server takes it."""
        self._owed.add_push((name, base, arguments))
        self._see_to_it()

    def settle(self) -> bool:
        """Do what is owed; whether another thread does not do so already."""
        if not self._settling.acquire(blocking=False):
            return False
        try:
            with suppress(BufferUnavailable):
                self._owed.settle(self.run, self.clear)
        finally:
            self._settling.release()
        return True

    def _see_to_it(self) -> None:
        self.is_troubled = True
        _troubled.add(self)
        self._recovery.start()

    def _heal(self) -> bool:
        for breaker, name in list(self._sick.items()):
            with suppress(BufferUnavailable):
                self.run("probe", Base(name), urgent=True)
                self._sick.pop(breaker, None)
        if self._owed and not self._sick and not any(one.refusal.steps for one in self._breakers()):
            self.settle()
        return not (self._sick or self._owed)

    def clear(self, base: Base, urgent: bool = False) -> None:
        """Forget everything that is cached of a shard."""
        self.run("forget", base, urgent=urgent)  # first, so that no reader caches again what it has worked out before
        self.unlink(base, "total:*")
        if base.has_groups:
            self.unlink(base, "group:*")

    def unlink(self, base: Base, pattern: str) -> None:
        """Delete keys of one shard."""
        self.ask(base, lambda: unlink(self.client, f"{escaped(base)}:{pattern}"))

    # Where

    def _breakers(self) -> list[Breaker]:
        return [self.breaker, *self._node_breakers.values()]

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
            own = Breaker(f"{self.name}, node {node}", self.breaker.seconds, self.breaker.meanwhile)
            return self._node_breakers.setdefault(node, own)
        return self._node_breakers[node]

    # What is asked

    def get(self, name: str) -> Any:
        """The value of a Redis key."""
        # Not self.execute itself: a cluster's client, which asks its nodes when it is made, is made inside of ask.
        return self.ask(name, lambda: self.execute("GET", name))

    def get_cached(self, name: str) -> Any:
        """A cached value. ``GETEX``, which is no more than ``GET`` here, is a write for a server that takes none."""
        return self.ask(name, lambda: self.execute("GETEX", name), step="cached")

    def get_many_cached(self, base: Base, names: Sequence[str]) -> Any:
        """Cached values of one shard, if the server takes writes."""
        return self.ask(base, lambda: self._evaluate("totals", base, names), step="totals")

    def run(self, name: str, base: Base, *arguments: Any, urgent: bool = False, step: str = "") -> Any:
        """Run a script on one shard, and give its reply with strings as text."""
        return texts(self.ask(base, lambda: self._evaluate(name, base, arguments), urgent, step or name))

    def run_each(self, calls: Sequence[Call], urgent: bool = False) -> list[Any]:
        """Run scripts on their shards, in one round trip where they are few and nothing is wrong.

        Args:
            calls: the scripts.
            urgent: whether to ask even if the server did not answer a moment ago, until a call has failed.

        Returns:
            The reply to each, or ``BufferUnavailable`` instead.
        """
        if self._go_together(calls) and (len(calls) > 1 or self._connections):
            try:
                replies = self.ask(calls[0].base, partial(self._evaluate_all, calls), urgent, calls[0].name)
            except BufferUnavailable as error:
                return [error] * len(calls)
            return [self._reply(call, reply) for call, reply in zip(calls, replies, strict=True)]
        failed: list[BufferUnavailable] = []

        def run(call: Call) -> Any:
            try:
                return self.run(call.name, call.base, *call.arguments, urgent=urgent and not failed)
            except BufferUnavailable as error:
                failed.append(error)
                return error

        if len(calls) >= MANY_CALLS:
            with suppress(RuntimeError), ThreadPoolExecutor(2, "notifications_counter") as pool:
                return list(pool.map(run, calls))
        return [run(call) for call in calls]  # also where no thread can be started: the interpreter is about to end

    def start_each(self, calls: Sequence[Call]) -> Callable[[], list[Any]] | None:
        """Send scripts that do no harm if they are run again, so that the server works while something else is done.

        Returns:
            What reads what ``run_each`` gives. It must be called, once. None where they were not sent.
        """
        if not (self._go_together(calls) and self._connections):
            return None
        try:
            read = self._connections.send([sent_evalsha(call.name, call.base, call.arguments) for call in calls])
        except ERRORS:
            return None
        return partial(self._finish_each, calls, read)

    def _finish_each(self, calls: Sequence[Call], read: Callable[[], list[Any]]) -> list[Any]:
        try:
            replies = read()
        except redis.TimeoutError as error:
            return [self._unsaid(call, error) for call in calls]
        except ERRORS as error:
            replies = [error]
        if self.is_troubled or any(isinstance(reply, Exception) for reply in replies):
            return self.run_each(calls)
        return [texts(reply) for reply in replies]

    def _go_together(self, calls: Sequence[Call]) -> bool:
        """Whether calls can be sent at once: few to one server, with which nothing is wrong."""
        if self.is_troubled or not 0 < sum(len(call.keys) for call in calls) <= MOST_TOGETHER:
            return False
        try:
            return not self._is_cluster
        except ERRORS:  # a cluster's client asks its nodes when it is made
            return False

    def _evaluate_all(self, calls: Sequence[Call]) -> list[Any]:
        if self._connections:
            return self._connections.send([sent_evalsha(call.name, call.base, call.arguments) for call in calls])()
        pipeline = self.client.pipeline(transaction=False)
        for call in calls:
            pipeline.execute_command(*evalsha(call.name, call.base), *call.arguments)
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        return replies

    def _reply(self, call: Call, reply: Any) -> Any:
        """The reply to one of several calls, or what is wrong with it."""
        if isinstance(reply, NoScriptError | redis.ReadOnlyError):
            try:
                return self.run(call.name, call.base, *call.arguments)
            except BufferUnavailable as error:
                return error
        return self._unsaid(call, reply) if isinstance(reply, Exception) else texts(reply)

    def _unsaid(self, call: Call, error: Exception) -> BufferUnavailable:
        unsaid = self.failed(self.breaker_of(call.base), call.name, call.base, error)
        unsaid.__cause__ = error
        return unsaid

    def _evaluate(self, name: str, base: Base, arguments: Sequence[Any]) -> Any:
        try:
            return self.execute(*evalsha(name, base), *arguments)
        except NoScriptError:  # redis-py's own Script would now ask all nodes of a cluster, also one that is away
            return self.execute("EVAL", script_text(name, base.has_groups), 1, base, *arguments)


#: Servers that may be owed something when the process ends.
_troubled: WeakSet[RedisServer] = WeakSet()


@atexit.register
def _settle_all() -> None:
    for server in list(_troubled):
        if server.is_troubled:
            server.settle()
