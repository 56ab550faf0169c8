"""Prints how many bytes a user takes in Redis: with a change that waits, with a cached value, and with both.

    python -m benchmarks.redis_memory [--users 100000]

It starts a Valkey of its own, and uses the scripts of the Redis buffer and no database.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis

import notifications_counter
from tests.servers import valkey

BASE = "nc:{notifications_counter.UserNotificationsCount.counter@default/0}"
SCRIPTS = Path(notifications_counter.__file__).parent / "buffers" / "scripts"

#: As many as the buffer itself gives to one call.
KEYS_A_CALL = 1000


def script_text(name: str) -> str:
    return (SCRIPTS / f"{name}.lua").read_text()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000)
    users = parser.parse_args().users
    keys = [str(1_000_000 + number) for number in range(users)]
    measure("a change that waits", keys, wait)
    measure("an intent, while a transaction commits", keys, intend)
    measure("a cached value", keys, cache)
    measure("a cached value and a change that waits", keys, wait, cache)


def measure(what: str, keys: list[str], *steps: Callable[[Any, list[str]], None]) -> None:
    with valkey() as url, Redis.from_url(url) as client:
        before = used(client)
        for step in steps:
            for start in range(0, len(keys), KEYS_A_CALL):
                step(client, keys[start : start + KEYS_A_CALL])
        taken = used(client) - before
    print(f"{what:<40} {taken / len(keys):>6.0f} bytes a user, {taken / 2**20:.1f} MiB for {len(keys):,} users")


def used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])


def intend(client: Any, keys: list[str]) -> None:
    client.eval(script_text("intend"), 1, BASE, "0" * 32, 60, *keys)


def wait(client: Any, keys: list[str]) -> None:
    intend(client, keys)
    client.eval(script_text("push"), 1, BASE, "0" * 32, *(part for key in keys for part in (key, 1)))


def cache(client: Any, keys: list[str]) -> None:
    known = [part for key in keys for part in held(client, key)]
    seq, version = (client.get(f"{BASE}:{name}") or b"0" for name in ("seq", "version"))
    client.eval(script_text("fill"), 1, BASE, 3600, seq, version, *known)


def held(client: Any, key: str) -> list[Any]:
    """What ``fill`` takes of a key: its pending delta, what the batch has of it, its rank there, and the value."""
    score = client.zscore(f"{BASE}:pending", key)
    return [key, "" if score is None else int(score), "", "", 7]


if __name__ == "__main__":
    main()
