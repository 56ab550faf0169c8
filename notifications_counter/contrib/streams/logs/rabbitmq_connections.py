"""The connections to a RabbitMQ, in a thread with an event loop of its own: the client is asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from ..exceptions import LogUnavailable
from .rabbitmq_client import (
    Addr,
    Address,
    Chunk,
    Client,
    ClientError,
    ClientPool,
    ServerError,
    StreamDoesNotExist,
    schema,
    unavailable,
)

Answer = TypeVar("Answer")
#: What takes what comes: of a subscription a chunk, or None at its end; of a publisher an error.
Put = Callable[[Chunk | Exception | None], object]

#: Publishers and subscriptions that one connection has at the same time: the protocol counts them in one byte.
MOST_IDS = 256
#: Subscriptions after which another connection is used: RabbitMQ 3.10 has a file open for each, also for those that
#: have ended, until the connection is closed.
MOST_SUBSCRIBED = 100
#: Chunks that the broker sends of a subscription before it is asked for more.
CREDIT = 10
#: As rstream's own, which the broker may lower.
FRAME_MAX, HEARTBEAT = 1024 * 1024, 60
#: Begin far beyond those that the client counts itself.
_correlations = itertools.count(1 << 31)


class Connection:
    """A connection to one broker; used in its loop.

    Args:
        client: the client's own, which has just been connected.

    Attributes:
        subscribed: how often it has been subscribed to something.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.is_ended = False
        self.is_retired = False
        self.subscribed = 0
        self._users = 0
        self._puts: dict[int, tuple[str, Put]] = {}
        self._publishers: dict[tuple[str, str | None], int] = {}
        self._locks: defaultdict[tuple[str, str | None], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._refusals: dict[int, Put] = {}
        self._free = list(range(MOST_IDS))
        self._room = asyncio.Semaphore(MOST_IDS)

    async def start(self) -> None:
        """Listen to what comes unasked."""
        self.client.add_handler(schema.Deliver, self._deliver, name="0")
        self.client.add_handler(schema.PublishError, self._refused, name="0")
        self.client.add_handler(schema.MetadataUpdate, self._changed, name="0")
        self.client.add_stream("")  # without any, the client does not tell of its end
        await self.client.run_queue_listener_task(0, self._deliver)

    @property
    def is_alive(self) -> bool:
        """Whether it is thought to be connected."""
        return not self.is_ended and self.client.is_connection_alive()

    @contextlib.asynccontextmanager
    async def id(self) -> AsyncIterator[int]:
        """A number for a subscription that nobody else has."""
        self._users += 1
        try:
            async with self._room:
                id = self._free.pop()
                try:
                    yield id
                finally:
                    self._puts.pop(id, None)
                    self._free.append(id)
        finally:
            self._users -= 1
            self._close_if_done()

    def retire(self) -> None:
        """Have no new users, and end with the last one."""
        self.is_retired = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self.is_retired and not self._users and not self.is_ended:
            self.end()

    async def subscribe(self, id: int, stream: str, begin: schema.OffsetSpec, put: Put, credit: int = CREDIT) -> None:
        """Let chunks come, also the one that the offset is in the middle of.

        Raises:
            StreamDoesNotExist: there is no such stream.
        """
        self._puts[id] = stream, put
        self.subscribed += 1
        await self.client.subscribe(stream, id, begin, credit)

    async def unsubscribe(self, id: int) -> None:
        """Let no more chunks come; whatever happens, nothing is heard of this number any more."""
        self._puts.pop(id, None)
        if not self.is_alive:
            return
        try:
            await self.client.unsubscribe(id)
        except ServerError:  # it has ended with its stream
            return
        except BaseException:  # whether chunks may still come is not known
            self.end()
            raise

    @contextlib.asynccontextmanager
    async def publisher(self, stream: str, refused: Put, name: str | None = None) -> AsyncIterator[int]:
        """The number of the publisher of a stream, which nobody else uses meanwhile.

        Args:
            stream: the stream.
            refused: told when the broker does not take a message.
            name: its name, by which the broker knows which messages were sent twice; without one it drops none.

        Raises:
            StreamDoesNotExist: there is no such stream.
        """
        key = stream, name
        async with self._locks[key]:
            if key not in self._publishers:
                await self._declare(key)
            id = self._publishers[key]
            self._refusals[id] = refused
            try:
                yield id
            finally:
                self._refusals.pop(id, None)

    async def _declare(self, key: tuple[str, str | None]) -> None:
        if len(self._publishers) == MOST_IDS:
            unused = next(other for other in self._publishers if not self._locks[other].locked())
            await self.client.delete_publisher(self._publishers.pop(unused))
        id = next(id for id in range(MOST_IDS) if id not in self._publishers.values())
        self._publishers[key] = id
        try:
            await self.client.declare_publisher(*key, id)
        except BaseException:
            self._publishers.pop(key, None)
            raise

    async def more(self, id: int, chunks: int) -> None:
        """Let so many more chunks come."""
        if id in self._puts and self.is_alive:
            await self.client.credit(id, chunks)

    def _deliver(self, frame: schema.Deliver) -> None:
        if frame.subscription_id in self._puts:
            self._puts[frame.subscription_id][1](frame)

    def _refused(self, frame: schema.PublishError) -> None:
        for one in frame.errors:
            put = self._refusals.get(frame.publisher_id)
            if put is not None:
                put(ServerError.from_code(one.response_code)())

    def _changed(self, frame: schema.MetadataUpdate) -> None:
        """A stream is gone, or led by another broker."""
        stream = frame.metadata_info.stream
        self._publishers = {key: id for key, id in self._publishers.items() if key[0] != stream}
        self.tell_all(stream)

    def tell_all(self, stream: str | None = None) -> None:
        """Tell subscriptions that they have ended: all, or those to a stream."""
        for of, put in list(self._puts.values()):
            if stream in (None, of):
                put(None)

    def end(self) -> None:
        """Never use it again."""
        self.is_ended = True
        self.tell_all()
        self._closing = asyncio.ensure_future(self.close())

    async def close(self) -> None:
        """Let go of it."""
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await self.client.close()


class Connections:
    """The connections of one process to a cluster, one to each broker that it needs.

    Args:
        address: one of the brokers.
        timeout: seconds that a question may take.
    """

    def __init__(self, address: Address, timeout: float) -> None:
        self.address = address
        self.timeout = timeout
        self._pool = ClientPool(
            address.host,
            address.port,
            ssl_context=ssl.create_default_context() if address.tls else None,
            vhost=address.virtual_host,
            username=address.user,
            password=address.password,
            frame_max=FRAME_MAX,
            heartbeat=HEARTBEAT,
            load_balancer_mode=False,
            max_retries=1,
        )
        self._connections: dict[tuple[Addr, str], Connection] = {}
        self._lock = asyncio.Lock()

    async def first(self) -> Connection:
        """The connection to the broker of the settings."""
        return await self._to(Addr(self.address.host, self.address.port), "questions")

    @contextlib.asynccontextmanager
    async def subscriber(self, broker: schema.Broker, what: str = "ends soon") -> AsyncIterator[tuple[Connection, int]]:
        """A connection to a broker, and a number for a subscription.

        Args:
            broker: the broker, by the name that it gives itself.
            what: the use, each of which has connections of its own.
        """
        connection = await self._to(await self._addr(broker), what)
        async with connection.id() as id:
            yield connection, id

    async def _addr(self, broker: schema.Broker) -> Addr:
        own = (await self.first()).client.server_properties or {}
        if (broker.host, str(broker.port)) == (own.get("advertised_host"), own.get("advertised_port")):
            return Addr(self.address.host, self.address.port)  # whatever it is called from here
        return Addr(broker.host, broker.port)

    async def _to(self, addr: Addr, what: str) -> Connection:
        async with self._lock:
            found = self._connections.get((addr, what))
            if found is not None and found.is_alive and found.subscribed < MOST_SUBSCRIBED:
                return found
            if found is not None:
                found.retire()
            self._connections[addr, what] = made = await self._opened(addr)
            return made

    async def _opened(self, addr: Addr) -> Connection:
        made: list[Connection] = []

        def closed(said: Any) -> None:
            for connection in made:
                connection.tell_all()

        client = await self._pool.new("notifications_counter", addr, connection_closed_handler=closed)
        made.append(Connection(client))
        await made[0].start()
        return made[0]

    async def leaders(self, streams: Sequence[str]) -> dict[str, schema.Broker | None]:
        """Stream -> the broker that leads it, None while there is none; of those streams that are there.

        Args:
            streams: their names.
        """
        client = (await self.first()).client
        question = schema.Metadata(next(_correlations), list(streams))
        answer = await client.sync_request(question, schema.MetadataResponse, raise_exception=False)
        brokers = {broker.reference: broker for broker in answer.brokers}
        known = [one for one in answer.metadata if one.response_code != StreamDoesNotExist.code]
        return {one.name: brokers.get(one.leader_ref) for one in known}

    async def close(self) -> None:
        """Close all connections."""
        for connection in list(self._connections.values()):
            await connection.close()


class RabbitMQ(threading.Thread):
    """The thread in which the connections of this process are.

    Args:
        address: one of the brokers.
        timeout: seconds that a question may take.
    """

    def __init__(self, address: Address, timeout: float) -> None:
        super().__init__(name="RabbitMQ streams", daemon=True)
        self.timeout = timeout
        self.loop = asyncio.new_event_loop()
        self.connections = Connections(address, timeout)

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.run_until_complete(self._end_tasks())
        self.loop.close()

    async def _end_tasks(self) -> None:
        """Let connections that are being closed come to an end."""
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=1)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def ask(self, doing: str, answer: Coroutine[Any, Any, Answer], timeout: float | None = None) -> Answer:
        """Wait for something that happens in the thread.

        Args:
            doing: what it is, such as "list offsets", for errors.
            answer: the coroutine.
            timeout: seconds that it may take, another time than that of questions.

        Raises:
            LogUnavailable: RabbitMQ does not answer, or with an error.
        """
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(answer, timeout or self.timeout), self.loop)
        try:
            return future.result()
        except (TimeoutError, OSError, ServerError, ClientError, AssertionError) as error:
            raise unavailable(error, doing) from error
        finally:
            future.cancel()

    def start_asking(self, answer: Coroutine[Any, Any, Any]) -> None:
        """Let something happen in the thread, and do not wait for it."""
        asyncio.run_coroutine_threadsafe(answer, self.loop)

    def end(self) -> None:
        """Close the connections, and let the thread end."""
        with contextlib.suppress(LogUnavailable):
            self.ask("close connections", self.connections.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(self.timeout)
