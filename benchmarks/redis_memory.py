"""How many bytes a user takes in Redis, against the barest data that could do the same.

    python -m benchmarks.redis_memory [--long]

It starts a Valkey of its own for each, and uses the scripts of the Redis buffer and no database.
"""

from collections.abc import Callable, Iterator
from typing import Any

from redis import Redis

from notifications_counter.buffers.redis.scripts import script_text
from tests.support.servers import valkey

from .measure import Figure, bytes_each, times_as_big
from .report import parser, show

BASE = "nc:{01234567/0}"

#: As many as the buffer itself gives to one call.
KEYS_A_CALL = 1000
SECONDS = 3600
MOST = 128

Step = Callable[[Any, list[str]], None]


def figures(at_scale: bool) -> Iterator[Figure]:
    keys = [str(1_000_000 + number) for number in range(1_000_000 if at_scale else 20_000)]
    member, string = taken(keys, add_member), taken(keys, set_string)
    a_member, a_string = "the bare member of a sorted set", "the bare string with an expiry"
    for what, ours, against, theirs in (
        ("a user with a change that waits", taken(keys, wait), a_member, member),
        ("a cached total", taken(keys, cache), a_string, string),
    ):
        yield times_as_big(what, against, [[ours], [theirs]], 1.2)
        yield bytes_each(what, against, [[ours], [theirs]], MOST)
    intent, both = taken(keys, intend), taken(keys, wait, cache)
    yield times_as_big("an intent, while its transaction commits", a_member, [[intent], [member]], None)
    yield times_as_big("a change that waits and a cached total", "both bare ones", [[both], [member + string]], None)


def taken(keys: list[str], *steps: Step) -> float:
    """Bytes a key."""
    with valkey() as url, Redis.from_url(url) as client:
        before = used(client)
        for step in steps:
            for start in range(0, len(keys), KEYS_A_CALL):
                step(client, keys[start : start + KEYS_A_CALL])
        return (used(client) - before) / len(keys)


def used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])


def add_member(client: Any, keys: list[str]) -> None:
    client.zadd("pending", dict.fromkeys(keys, 1))


def set_string(client: Any, keys: list[str]) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.set(f"unread:{key}", 7, ex=SECONDS)
        pipeline.execute()


def intend(client: Any, keys: list[str]) -> None:
    client.eval(script_text("intend"), 1, BASE, "0" * 32, 60, *keys)


def wait(client: Any, keys: list[str]) -> None:
    intend(client, keys)
    client.eval(script_text("push"), 1, BASE, "0" * 32, *(part for key in keys for part in (key, 1)))


def cache(client: Any, keys: list[str]) -> None:
    """``fill`` takes of each key its pending delta, what the batch has of it, its rank there, and the value."""
    scores = client.zmscore(f"{BASE}:pending", keys)
    pending = ("" if score is None else int(score) for score in scores)
    known = [part for key, score in zip(keys, pending, strict=True) for part in (key, score, "", "", 7)]
    seq, version = (client.get(f"{BASE}:{name}") or b"0" for name in ("seq", "version"))
    client.eval(script_text("fill"), 1, BASE, SECONDS, seq, version, *known)


def main() -> None:
    options = parser(__doc__, json=False).parse_args()
    show(list(figures(options.long)))


if __name__ == "__main__":
    main()
