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


class InvalidOption(CounterError, ValueError):
    """An option of housekeeping, such as a duration, cannot be used as it is given."""


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


class SourceCounted(CounterError):
    """A counter with a source was to be added to in its rows, as only a counter of events can be."""


class BufferUnavailable(CounterError):
    """The buffer's server does not answer, or refuses."""


class BufferRefused(BufferUnavailable):
    """The buffer's server answers, but does not do what it was asked for: it takes no writes, or lacks a permission."""


class UnknownDatabase(BufferUnavailable):
    """A database is a copy of another one, and no flush has noticed it yet: what is in Redis is not its own."""


class DatabaseFailed(CounterError):
    """The database failed in a way that does not pass, or not soon. What was not applied is still pending."""


class UnsupportedDatabase(CounterError):
    """The database is none of those that a flush can write to."""


class BufferMismatch(CounterError):
    """The settings name another place than the one where deltas are pending."""


class BrokerUnavailable(CounterError):
    """A message broker does not answer, or refuses."""


class InvalidNotification(CounterError, ValueError):
    """What is to be sent cannot be a notification. Nothing has been sent."""


class InvalidRecipients(CounterError, TypeError):
    """It cannot be told from a value who is to be notified."""


class InvalidClick(CounterError, ValueError):
    """What is to be recorded cannot be a click on a link. Nothing has been recorded."""


#: How many characters of a value a message shows.
LONGEST_QUOTE = 80

#: How many characters of an error a message shows.
LONGEST_DESCRIPTION = 1000


def quoted(value: object) -> str:
    """A value for logs, output and messages: on one line, in quotes where it is text, and short.

    Keys come from outside: one with a line break would forge a line of the log, one of a megabyte would fill it.

    Args:
        value: anything; of a long text the beginning is shown, and how long it is.
    """
    if isinstance(value, str | bytes):
        text = repr(value[:LONGEST_QUOTE])
        return text if len(value) <= LONGEST_QUOTE else f"{text}... ({len(value)} characters)"
    try:
        text = one_line(repr(value))
    except Exception:  # somebody else's; and Python writes no number of more than some thousand digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."


def shown(key: str) -> str:
    """The text of a key for logs and output: a number as it is, anything else quoted."""
    return key if key.isascii() and key.isdecimal() and len(key) <= LONGEST_QUOTE else quoted(key)


def one_line(text: str) -> str:
    """A text in which what could break or rewrite a line, such as a line break or an escape sequence, is escaped."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def described(error: BaseException) -> str:
    """What an error says, on one line and not too long: a database's own may quote a whole row.

    Args:
        error: the error, which may be another package's.
    """
    text = one_line(" ".join(str(error).split()))
    return text if len(text) <= LONGEST_DESCRIPTION else f"{text[:LONGEST_DESCRIPTION]}..."


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """A sentence about an unknown name, with the nearest known one.

    Args:
        what: what the name should have been, such as ``"setting"``.
        name: the name that was given.
        known: the names that would have been right.
    """
    if not (names := sorted(known)):
        return f"Unknown {what} {quoted(name)}. There is none."
    near = difflib.get_close_matches(str(name), names, n=1) or difflib.get_close_matches(str(name).upper(), names, n=1)
    advice = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(names)}."
    return f"Unknown {what} {quoted(name)}. {advice}"
