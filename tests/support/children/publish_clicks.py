"""Record clicks by message, and write to a file what is about to be recorded and what has been.

A line for each: "s ID ADDRESS" before it, "c ID" after it, so that of a process that is killed it is known which clicks
are in doubt.
"""

import os
import random
import sys
import time
import uuid
from datetime import UTC, datetime

import django


def main(path: str, prefix: str, links: int, first: int, last: int, seed: int, rate: int) -> None:
    django.setup()
    from notifications_counter.contrib.clicks.recording import ClickEvent, ingest

    choose = random.Random(seed)
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while first < last:
        number = min(choose.choice([1, 1, 1, 10, 100, 250]), last - first)
        events = [
            ClickEvent(uuid.uuid4().hex, f"{prefix}{place % links}", False, datetime.now(UTC))
            for place in range(first, first + number)
        ]
        os.write(log, "".join(f"s {one.id} {one.url}\n" for one in events).encode())
        ingest()(events)
        os.write(log, "".join(f"c {one.id}\n" for one in events).encode())
        first += number
        time.sleep(number / rate)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:8]))
