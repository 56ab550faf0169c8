"""The inbox: a page, a live badge, a JSON API and sending to many, on the public API of the counters."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .sending import Sent, anotify, notify

__all__ = ["Sent", "anotify", "notify"]


def __getattr__(name: str) -> Any:
    """What sends needs the app registry; the settings may import this package before there is one."""
    if name in __all__:
        from . import sending

        return getattr(sending, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
