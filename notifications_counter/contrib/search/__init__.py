"""Search, autocomplete and facets, in step with the database."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .exceptions import InvalidQuery, NotSupported
    from .fields import Field
    from .index import SearchIndex
    from .results import Hit, Page, Suggestion

__all__ = ["Field", "Hit", "InvalidQuery", "NotSupported", "Page", "SearchIndex", "Suggestion"]

MODULES = {
    "Field": "fields",
    "InvalidQuery": "exceptions",
    "NotSupported": "exceptions",
    "SearchIndex": "index",
}


def __getattr__(name: str) -> Any:
    """What works with tables needs the app registry; the settings may import this package before there is one."""
    if name in __all__:
        return getattr(import_module(f".{MODULES.get(name, 'results')}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
