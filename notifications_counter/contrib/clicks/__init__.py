"""Clicks on links, counted by people and by programs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .messaging import process_clicks, record_many, send_increment_clicks
    from .recording import ClickEvent, record

__all__ = ["ClickEvent", "process_clicks", "record", "record_many", "send_increment_clicks"]


def __getattr__(name: str) -> Any:
    """What records needs the app registry; the settings may import this package before there is one."""
    if name in __all__:
        from . import messaging, recording

        return getattr(recording if hasattr(recording, name) else messaging, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
