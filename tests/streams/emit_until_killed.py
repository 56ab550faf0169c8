"""Emits messages with ids of its own until it is killed, and prints those that were acknowledged, one a line.

python -m tests.streams.emit_until_killed TOPIC PREFIX RATE
"""

from __future__ import annotations

import itertools
import os
import sys
import time

import django


def main(topic: str, prefix: str, rate: float) -> None:
    django.setup()
    from notifications_counter.contrib.streams import Emitter

    emitter = Emitter(topic, str, log=os.environ.get("NC_STREAMS_LOG", "default"))
    for number in itertools.count():
        id = f"{prefix}-{number}"

        def acknowledged(delivery: object, error: Exception | None, id: str = id) -> None:
            if error is None:
                print(id, flush=True)

        emitter.emit(f"user-{number * 7919 % 61}", id, callback=acknowledged)
        time.sleep(1 / rate)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
