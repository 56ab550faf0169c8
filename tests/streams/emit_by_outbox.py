"""Emits in transactions, by the outbox, and in each notes the id of the message in the database; until it is killed.

python -m tests.streams.emit_by_outbox TOPIC PREFIX RATE
python -m tests.streams.emit_by_outbox TOPIC PREFIX now      kills itself between the first commit and the send
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time

import django


def main(topic: str, prefix: str, rate: str) -> None:
    django.setup()
    from django.db import transaction

    from notifications_counter.contrib.streams import Emitter

    from .models import Seen

    emitter = Emitter(topic, str, outbox=True)
    for number in itertools.count():
        with transaction.atomic():
            if rate == "now":
                transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
            Seen.objects.create(message=f"{prefix}-{number}")
            emitter.emit(f"user-{number % 7}", f"{prefix}-{number}", headers={"from": prefix})
        print(number, flush=True)
        time.sleep(1 / float(rate))


if __name__ == "__main__":
    main(*sys.argv[1:4])
