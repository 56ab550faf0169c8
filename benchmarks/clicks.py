"""Clicks by message, through a RabbitMQ of its own: who is killed, what is counted, and how fast.

    POSTGRESQL_URL=... python -m benchmarks clicks [--long] [--clicks 20000] [--kills 20]

Four processes record clicks on 1,000 links, while publishers, the consumer and the broker are killed with SIGKILL at
random. Then it is checked by id that each click that was confirmed, or kept in the database, counts once, and one in
doubt once or not at all. After that nobody is killed: how many clicks a second are published one by one and in bulk,
and consumed by one process, also in seconds of its processor, beside a consumer of Kombu's that counts nothing. With
--long there are 100,000 clicks and 100 kills. Needs Debian's package rabbitmq-server.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import time
from typing import Any

from .environment import execute, postgresql_and_valkey, table

ROUNDS = 3
#: Of more clicks than that, rates are the same.
MEASURED = 20_000
#: Clicks a second that one processor is to consume.
GOAL = 20_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="100,000 clicks, 100 kills")
    parser.add_argument("--clicks", type=int, default=20_000)
    parser.add_argument("--links", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--part", choices=["publish", "consume", "bare"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.long:
        options.clicks, options.kills = 100_000, 100
    return options


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def publish(clicks: int, links: int) -> None:
    """One by one, and in bulk: how many a second."""
    from notifications_counter.contrib.clicks import record, record_many

    record("https://example.com/")
    began = time.perf_counter()
    for place in range(clicks // 20):
        record(f"https://example.com/articles/{place % links}")
    one_by_one = clicks // 20 / (time.perf_counter() - began)
    began = time.perf_counter()
    recorded = record_many(f"https://example.com/articles/{place % links}" for place in range(clicks))
    print(one_by_one, recorded / (time.perf_counter() - began))


def consume(clicks: int, links: int) -> None:
    """Everything that is there: how many a second, and a second of the processor."""
    from notifications_counter.contrib.clicks import process_clicks

    began, used = time.perf_counter(), processor_seconds()
    done = process_clicks()
    print(done.counted / (time.perf_counter() - began), done.counted / (processor_seconds() - used))


def consume_bare(clicks: int, links: int) -> None:
    """The same messages, which a consumer of Kombu's acknowledges by the hundred, and does nothing else with."""
    import kombu

    from notifications_counter.contrib.clicks.conf import clicks_settings

    number = 0

    def take(message: Any) -> None:
        nonlocal number
        number += 1
        if not number % 100:
            message.ack(multiple=True)

    began, used = time.perf_counter(), processor_seconds()
    with kombu.Connection(clicks_settings().BROKER) as connection:
        queue = kombu.Queue("clicks", no_declare=True)
        waiting = connection.default_channel.queue_declare("clicks", passive=True).message_count
        with kombu.Consumer(connection.channel(), [queue], on_message=take, prefetch_count=1000, auto_declare=False):
            while number < waiting - waiting % 100:
                connection.drain_events(timeout=5)
    print(number / (time.perf_counter() - began), number / (processor_seconds() - used))


def part(name: str, clicks: int, links: int) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.clicks", "--part", name]
    sizes = ["--clicks", str(clicks), "--links", str(links)]
    done = subprocess.run([*command, *sizes], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"A process has ended with status {done.returncode}.")
    return [float(number) for number in done.stdout.split()]


def middle(found: list[list[float]], place: int) -> float:
    return sorted(one[place] for one in found)[len(found) // 2]


def measure(clicks: int, links: int) -> None:
    """Rates, in turn, in fresh processes."""
    found: dict[str, list[list[float]]] = {"publish": [], "consume": [], "bare": []}
    for _ in range(ROUNDS):
        for consumer in ("consume", "bare"):
            found["publish"].append(part("publish", clicks, links))
            found[consumer].append(part(consumer, clicks, links))
            start_anew()
    print(f"published and confirmed one by one: {middle(found['publish'], 0):,.0f} clicks a second")
    print(f"published and confirmed in bulk:    {middle(found['publish'], 1):,.0f} clicks a second")
    for name, what in (("consume", "consumed, ids and counts in PostgreSQL"), ("bare", "acknowledged by Kombu alone")):
        rate, rate_of_core = middle(found[name], 0), middle(found[name], 1)
        print(f"{what + ':':<40} {rate:,.0f} a second, {rate_of_core:,.0f} a second of the processor")
    print(f"goal of the consumer: {GOAL:,} a second a core")


def start_anew() -> None:
    from notifications_counter.contrib.clicks.models import Click, ClickDay, CountedClick, KeptClick

    execute(f"TRUNCATE {', '.join(map(table, [Click, ClickDay, CountedClick, KeptClick]))}")


def main() -> None:
    options = arguments()
    if options.part:
        import django

        django.setup()
        {"publish": publish, "consume": consume, "bare": consume_bare}[options.part](options.clicks, options.links)
        return
    from tests.support.click_faults import Faults
    from tests.support.rabbitmq import rabbitmq

    with rabbitmq() as server:
        os.environ |= {"NC_BROKER": server.url, "NC_CLICKS_QUEUE": "clicks"}
        with postgresql_and_valkey("database", "tests.clicks.broker_settings"):
            print(f"RabbitMQ {server.version()}", flush=True)
            faults = Faults(server, os.environ, options.clicks, options.links, 4, options.kills, options.seed)
            faults.run()
            print(faults.said(), flush=True)
            problems = faults.problems()
            print("\n".join(problems) or "each click that was confirmed or kept counts once, none twice", flush=True)
            start_anew()
            measure(min(options.clicks, MEASURED), options.links)
    if problems:
        sys.exit(1)


if __name__ == "__main__":
    main()
