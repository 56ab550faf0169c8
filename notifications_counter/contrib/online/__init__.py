"""Who is online: users, guests, rooms."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .middleware import OnlineMiddleware
    from .presence import (
        OnlinePage,
        get_users_online,
        guests_online,
        is_online,
        is_online_many,
        last_seen,
        number_online,
        report_user,
        tick,
        users_online,
    )

__all__ = [
    "OnlineMiddleware",
    "OnlinePage",
    "get_users_online",
    "guests_online",
    "is_online",
    "is_online_many",
    "last_seen",
    "number_online",
    "report_user",
    "tick",
    "users_online",
]


def __getattr__(name: str) -> Any:
    """These need the app registry; the settings may import this package before there is one."""
    if name in __all__:
        from . import middleware, presence

        return getattr(middleware if name == "OnlineMiddleware" else presence, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
