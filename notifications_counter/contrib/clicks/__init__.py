"""Clicks on links, counted by people and by programs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .recording import ClickEvent, record

__all__ = ["ClickEvent", "record"]


def __getattr__(name: str) -> Any:
    """What records needs the app registry; the settings may import this package before there is one."""
    if name in __all__:
        from . import recording

        return getattr(recording, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
