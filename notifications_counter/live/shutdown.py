"""The end of the process: streams end by themselves at once, for some servers wait for them without an end.

Not every server tells its applications in time that it ends, but each is told so by a signal. Its own handler is called
as before, after ours.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:  # which needs the models
    from .hub import Hub

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_hubs: WeakSet[Hub] = WeakSet()
_handlers: dict[int, Any] = {}


def end_with_process(hub: Hub) -> None:
    """Let the streams of a hub end with the process that it is in."""
    _hubs.add(hub)
    if threading.current_thread() is threading.main_thread():  # no other may set handlers
        for number in SIGNALS:
            _chain(number)


def hubs() -> list[Hub]:
    """The hubs of this process."""
    return list(_hubs)


def close_all() -> None:
    """End all streams of this process."""
    for hub in hubs():
        hub.close()


def _chain(number: int) -> None:
    handler = signal.getsignal(number)
    if callable(handler) and handler is not _end:  # without one the process ends at once
        _handlers[number] = handler
        signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    close_all()
    handler = _handlers[number]
    if signal.getsignal(number) is _end:
        signal.signal(number, handler)
    handler(number, frame)
