"""Flush all counters in small chunks until a file is there, whatever fails; prints what was done, as JSON."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import django


def main(end: Path) -> None:
    django.setup()
    from notifications_counter.buffers import buffers
    from notifications_counter.exceptions import BufferUnavailable
    from tests.support.base import fast_healing
    from tests.testapp.models import Click

    from .work import COUNTERS

    logging.getLogger("notifications_counter").propagate = False
    logging.getLogger("notifications_counter").addHandler(logging.NullHandler())
    fast_healing(timeout=1).enable()
    buffers["default"].server.breaker.seconds = 0.2  # type: ignore[attr-defined]
    done: dict[str, Any] = {"amounts": {}, "lost": [], "failed": []}
    while not end.exists():
        for counter in (*COUNTERS, Click.counter):
            try:
                flushed = counter.flush(chunk_size=2)
            except BufferUnavailable as error:
                done["failed"].append(str(error))
                continue
            done["amounts"][counter.label] = done["amounts"].get(counter.label, 0) + flushed.amount
            done["lost"] += flushed.lost
    print(json.dumps(done))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
