"""What is measured beside this package: the same count by others, run by the interpreter of an environment of theirs.

    python benchmarks/stream_peer.py quix|faust|bare GROUP SERVERS TOPIC MESSAGES PARTITIONS

Reads a topic from its beginning, counts its messages by their keys, and prints as JSON the seconds from the first
message to the last one, how many keys there are, and the sum of the counts. Needs nothing of this package.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from typing import Any


class Progress:
    """Counts down, and prints and ends the process at the last message."""

    def __init__(self, messages: int) -> None:
        self.left, self.messages, self.began = messages, messages, 0.0
        self.keys: set[Any] = set()

    def one(self, key: Any) -> None:
        if not self.began:
            self.began = time.perf_counter()
        self.keys.add(key)
        self.left -= 1
        if not self.left:
            self.end()

    def end(self) -> None:
        found = {"seconds": time.perf_counter() - self.began, "keys": len(self.keys), "sum": self.messages - self.left}
        print(json.dumps(found), flush=True, file=sys.__stdout__)  # Faust has put a logger in its place
        os._exit(0)  # they would write, and wait, and leave their groups first


def bare(group: str, servers: str, topic: str, messages: int, partitions: int) -> None:
    """Only a dictionary in memory: as fast as the client gives what it reads."""
    from confluent_kafka import Consumer

    settings = {"bootstrap.servers": servers, "group.id": group, "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "enable.auto.commit": False})
    consumer.subscribe([topic])
    counts: Counter[bytes | None] = Counter()
    left, began = messages, 0.0
    while left:
        found = consumer.consume(10_000, 0.1)
        began = began or (time.perf_counter() if found else 0.0)
        for message in found:
            value: Any = message.value()
            value.decode()
        counts.update(message.key() for message in found)  # type: ignore[arg-type]
        left -= len(found)
    found_seconds = time.perf_counter() - began
    print(json.dumps({"seconds": found_seconds, "keys": len(counts), "sum": counts.total()}), flush=True)
    os._exit(0)


def quix(group: str, servers: str, topic: str, messages: int, partitions: int) -> None:
    """Quix Streams, as its documentation counts: state in RocksDB, with a changelog."""
    from quixstreams import Application

    progress = Progress(messages)
    app = Application(
        broker_address=servers,
        consumer_group=group,
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(prefix="quix-"),
        loglevel="WARNING",
    )

    def count(value: Any, key: Any, timestamp: Any, headers: Any, state: Any) -> None:
        state.set("clicks", state.get("clicks", 0) + 1)
        progress.one(key)

    app.dataframe(app.topic(topic, value_deserializer="str", key_deserializer="str")).update(
        count, stateful=True, metadata=True
    )
    app.run()


def faust(group: str, servers: str, topic: str, messages: int, partitions: int) -> None:
    """Faust-streaming: a table in memory, with a changelog."""
    import faust

    progress = Progress(messages)
    app = faust.App(
        group,
        broker=f"kafka://{servers}",
        store="memory://",
        topic_partitions=partitions,
        consumer_auto_offset_reset="earliest",
        datadir=tempfile.mkdtemp(prefix="faust-"),
        web_enabled=False,
    )
    clicks = app.topic(topic, key_type=str, value_type=str, key_serializer="raw", value_serializer="raw")
    table = app.Table("clicks", default=int, partitions=partitions)

    @app.agent(clicks)
    async def count(stream: Any) -> None:
        async for key, _ in stream.items():
            table[key] += 1
            progress.one(key)

    faust.Worker(app, loglevel="ERROR", quiet=True).execute_from_commandline()


if __name__ == "__main__":
    name, group, servers, topic, messages, partitions = sys.argv[1:]
    {"bare": bare, "quix": quix, "faust": faust}[name](group, servers, topic, int(messages), int(partitions))
