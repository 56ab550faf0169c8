"""Counting a stream: an emitter, processors that share the partitions of topics, tables in the database, views."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import codecs

if TYPE_CHECKING:
    from .emitting import Delivery, Emitter
    from .processor import Input, Output, Processor
    from .view import View

__all__ = ["Delivery", "Emitter", "Input", "Output", "Processor", "View", "codecs"]

MODULES = {"Delivery": "emitting", "Emitter": "emitting", "View": "view"}


def __getattr__(name: str) -> Any:
    """What works with tables needs the app registry; the settings may import this package before there is one."""
    if name in __all__:
        return getattr(import_module(f".{MODULES.get(name, 'processor')}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
