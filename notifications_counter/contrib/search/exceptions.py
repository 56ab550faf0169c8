"""What can go wrong with a search."""

from ...exceptions import CounterError


class NotSupported(CounterError):
    """The sink that the site has configured cannot do this."""


class InvalidQuery(CounterError, ValueError):
    """A search names a field, a value or a page that there cannot be."""
