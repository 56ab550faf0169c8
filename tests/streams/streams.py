"""The processor that the tests run in processes of their own; ``NC_STREAMS_LOG`` is the alias of its log."""

from __future__ import annotations

import os
from typing import Any

from notifications_counter.contrib.streams import Processor

from .models import FaultClicks, Seen

FAULTS = "faults"


def note(ctx: Any, message: str) -> None:
    """The id of the message, and one more click of its key."""
    Seen.objects.create(message=message)
    ctx.add()


processor = Processor(
    FAULTS,
    inputs=os.environ.get("NC_STREAMS_TOPIC", FAULTS),
    process=note,
    table=FaultClicks,
    log=os.environ.get("NC_STREAMS_LOG", "default"),
    chunk_size=20,
)
