"""What can go wrong, said in a way that tells what to do. Every exception of this package is a ``CounterError``."""

import difflib
from collections.abc import Iterable

from django.core.exceptions import ImproperlyConfigured

#: How to install an extra. Once the package is published, this is the only line to change, to
#: "python -m pip install 'notifications_counter[{extra}]'".
INSTALL_EXTRA = "python -m pip install '.[{extra}]' (in a clone of notifications_counter)"


class CounterError(Exception):
    """The base class of this package's exceptions."""


class InvalidSettings(CounterError, ImproperlyConfigured):
    """``NOTIFICATIONS_COUNTER`` or a ``Counter`` declaration cannot be used as it is written."""


class MissingExtra(CounterError, ImproperlyConfigured):
    """A package that an extra would have installed is not there."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed. Install it with: {INSTALL_EXTRA.format(extra=extra)}")


class InvalidDelta(CounterError, ValueError):
    """A delta is not an integer, or too large to be counted exactly."""


class InvalidKey(CounterError, ValueError):
    """A value cannot be a key of the counter's model."""


class CountingConflict(CounterError):
    """A bulk method was called in a way whose effect cannot be counted. It has changed nothing."""


class FlushFailed(CounterError):
    """A flush of all counters left something pending. The log says why."""


class FlushInTransaction(CounterError):
    """A flush was called inside a transaction, whose rollback would undo it after the buffer has let go."""


class RecountInTransaction(CounterError):
    """A recount was called inside a transaction, where it could not see what others commit meanwhile."""


class RecountFailed(CounterError):
    """Writers never left a key alone for as long as a recount needs, or the buffer's server has lost data."""


class NothingToRecount(CounterError):
    """A counter of events has no rows that could be counted again."""


class BufferUnavailable(CounterError):
    """The buffer's server does not answer, or refuses."""


class BufferRefused(BufferUnavailable):
    """The buffer's server answers, but does not do what it was asked for: it takes no writes, or lacks a permission."""


class DatabaseFailed(CounterError):
    """The database failed in a way that does not pass, or not soon. What was not applied is still pending."""


class UnsupportedDatabase(CounterError):
    """The database is none of those that a flush can write to."""


class BufferMismatch(CounterError):
    """The settings name another place than the one where deltas are pending."""


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """A sentence about an unknown name, with the nearest known one.

    Args:
        what: what the name should have been, such as ``"setting"``.
        name: the name that was given.
        known: the names that would have been right.
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1) or difflib.get_close_matches(str(name).upper(), names, n=1)
    advice = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(names)}."
    return f"Unknown {what} {name!r}. {advice}"
