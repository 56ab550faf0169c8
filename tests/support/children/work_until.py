"""Several processes that change counts and count clicks until a file is there; prints what they did, as JSON."""

from __future__ import annotations

import json
import logging
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import django

URL = "https://example.com/"


class Losses(logging.Handler):
    """How many clicks the log says may be lost."""

    number = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.number += "may be lost" in record.getMessage()


def work(seed: int, user_ids: list[int], end: Path, breaker_seconds: float) -> dict[str, Any]:
    from notifications_counter.buffers import buffers
    from tests.support.base import fast_healing
    from tests.testapp.models import Click

    from .work import Writer

    logger, losses = logging.getLogger("notifications_counter"), Losses()
    logger.addHandler(losses)
    logger.propagate = False
    fast_healing(timeout=1).enable()
    buffers["default"].server.breaker.seconds = breaker_seconds  # type: ignore[attr-defined]
    writer, steps = Writer(seed, user_ids), 0
    while not end.exists():
        writer.step()
        Click.counter.add({URL: 1})
        steps += 1
    return {"steps": steps, "perhaps_lost": losses.number}


def main(seed: int, writers: int, user_ids: list[int], end: Path, breaker_seconds: float) -> None:
    django.setup()
    import tests.support.base  # noqa: F401  # before the fork, for all of them

    with ProcessPoolExecutor(writers, mp_context=get_context("fork")) as pool:
        doing = [pool.submit(work, seed + number, user_ids, end, breaker_seconds) for number in range(writers)]
        done = [one.result() for one in doing]
    print(json.dumps({name: sum(one[name] for one in done) for name in done[0]}))


if __name__ == "__main__":
    user_ids = [int(pk) for pk in sys.argv[3].split(",")]
    main(int(sys.argv[1]), int(sys.argv[2]), user_ids, Path(sys.argv[4]), float(sys.argv[5]))
