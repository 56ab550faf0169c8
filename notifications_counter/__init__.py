"""An exact unread count for every user, at the price of one cache read."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .counters import Counter

__version__ = "0.1.0"
__all__ = ["Counter", "__version__"]


def __getattr__(name: str) -> Any:
    """``Counter`` needs the app registry; the settings may import this package before there is one."""
    if name == "Counter":
        from .counters import Counter

        return Counter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
