"""Keys: what may be one, how it is written wherever deltas are pending, and what it is in a database."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ..conf import is_integer
from ..exceptions import InvalidKey, described, quoted
from ..fields import KeyField
from . import canonical, key_text
from .conditions import converts_as_django
from .owners import Owners

#: Fields, and the one type of value with which Python and every database mean the same.
TRUSTED = (
    (models.BooleanField, bool),
    (models.IntegerField, int),
    (models.CharField, str),
    (models.TextField, str),
    (models.UUIDField, uuid.UUID),
)

#: Fields of which a database compares values as numbers, moments and so on, or as text that is always written alike.
NO_TEXT = (
    *(models.IntegerField, models.DecimalField, models.UUIDField, models.GenericIPAddressField),
    *(models.DateField, models.TimeField),
)

#: The longest key, in characters, that the table of deltas can hold.
LONGEST_KEY = 500


class Part:
    """One column of a count model's primary key, which may be the only one.

    Args:
        label: the counter's label, for messages.
        column: the column.
        of_source: the column of the source that says the same of a row; None where that is not known.

    Attributes:
        field: what converts its values: the column, or the field that it refers to.
        owners: which instances may be given instead of a value.
    """

    def __init__(
        self, label: str, column: models.Field[Any, Any], of_source: models.Field[Any, Any] | None = None
    ) -> None:
        self.label = label
        self.column = column
        self.field = target(column)
        self.owners = Owners(label, column, of_source)
        # What the database would refuse, and with it the whole chunk of a flush.
        kinds = (MinValueValidator, MaxValueValidator, MaxLengthValidator)
        self.limits: list[Callable[[Any], None]] = [one for one in self.field.validators if isinstance(one, kinds)]
        self.plain = self._plain()
        #: Whether it holds text; and whether its table may call different texts equal.
        self.is_text = not isinstance(self.field, NO_TEXT)
        self.may_be_loose = self.is_text and not isinstance(self.field, KeyField)
        #: A word and its text: many keys in a row have the same kind.
        self._recent: tuple[str | None, str] | None = None
        if isinstance(self.field, models.CharField) and converts_as_django(self.field):
            self._recent = (None, "")

    def text(self, value: Any) -> str:
        """A value, or the instance that it identifies, as text: whatever is equal for a database has the same.

        Raises:
            InvalidKey: it cannot be one of this column.
        """
        if type(value) is int and value in self.plain:
            return str(value)
        if self._recent is not None and type(value) is str:
            if (recent := self._recent)[0] != value:
                self._recent = recent = (value, self._text(value))
            return recent[1]
        return self._text(value)

    def _text(self, value: Any) -> str:
        if isinstance(value, models.Model):
            value = self.owners.value_of(value)
        text = canonical.text(self._value(value))
        if "\0" in text or not is_utf8(text):
            raise InvalidKey(f"{quoted(value)} cannot be a key of {self.label}: not every database holds such text.")
        return text

    def value(self, text: str) -> Any:
        """A value as Python has it, of its text."""
        return self.field.to_python(text)

    def to_column(self, text: str, connection: BaseDatabaseWrapper) -> Any:
        """A value as a database takes it, of its text.

        Raises:
            InvalidKey: it takes no such value, as MariaDB takes no 0 where keys are counted up.
        """
        try:
            return self.field.get_db_prep_value(self.value(text), connection)
        except ValueError as error:
            raise InvalidKey(
                f"{self.label}: {quoted(text)} cannot be a key on the database {connection.alias!r}: {described(error)}"
            ) from error

    def from_column(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """A value as Python has it, of one as a database gives it."""
        expression = self.field.cached_col
        converters = connection.ops.get_db_converters(expression) + self.field.get_db_converters(connection)
        for convert in converters:
            value = convert(value, expression, connection)
        if isinstance(value, Decimal) and isinstance(self.field, models.IntegerField):
            return int(value)  # so MariaDB gives an unsigned column in a UNION
        return value

    def _plain(self) -> range:
        """The integers of which each is a key as it is: they are most keys of most counters, and checked first."""
        if not isinstance(self.field, models.IntegerField) or not converts_as_django(self.field):
            return range(0)
        least = [one.limit_value for one in self.limits if isinstance(one, MinValueValidator)]
        most = [one.limit_value for one in self.limits if isinstance(one, MaxValueValidator)]
        if not least or not most or not all(is_integer(limit) for limit in least + most):
            return range(0)
        return range(max(least), min(most) + 1)

    def _value(self, given: Any) -> Any:
        self.owners.refuse_nobody(given)
        try:
            value = canonical.value(self.field, given)
            for validator in self.limits:
                validator(value)
        except (ValidationError, TypeError, ValueError, OverflowError, ArithmeticError):
            value = None
        if value is None:
            raise InvalidKey(f"{quoted(given)} cannot be a key of {self.label}: {self.field} takes no such value.")
        return value


class KeyConverter:
    """The keys of one counter: as users give them, as text, and as a database takes and gives them.

    A user gives a composite key as a tuple. A database has a column for each part.

    Args:
        label: the counter's label, for messages.
        columns: the columns of the count model's primary key, in their order.
        of_source: the columns of the source that say the same of a row; none without a source.
    """

    def __init__(
        self, label: str, columns: Sequence[models.Field[Any, Any]], of_source: Sequence[models.Field[Any, Any]] = ()
    ) -> None:
        self.label = label
        pairs = zip_longest(columns, of_source[: len(columns)])
        self.parts = [Part(label, column, own) for column, own in pairs]
        self.is_composite = len(self.parts) > 1
        self._plain = range(0) if self.is_composite else self.parts[0].plain
        self.may_be_loose = any(part.may_be_loose for part in self.parts)

    def text(self, key: Any) -> str:
        """A key, or the instance that it identifies, as text.

        Raises:
            InvalidKey: it cannot be a key.
        """
        if type(key) is int and key in self._plain:
            return str(key)
        if self.is_composite:
            return self._short(key_text.join(self._texts(key)))
        return self._short(self.parts[0].text(key))

    def several(self, keys: Iterable[Any]) -> Iterable[Any]:
        """Keys, in any number.

        Raises:
            InvalidKey: it is one key alone, of which each character would be taken for a key.
        """
        if isinstance(keys, str | bytes) or not isinstance(keys, Iterable):
            raise InvalidKey(f"{self.label} takes several keys here, such as a list, not {quoted(keys)}: write [key].")
        return keys

    def _texts(self, key: Any) -> list[str]:
        if isinstance(key, models.Model) and isinstance(key, self.parts[0].column.model):
            key = key.pk  # a count row
        if not isinstance(key, tuple | list) or len(key) != len(self.parts):
            names = ", ".join(part.column.name for part in self.parts)
            raise InvalidKey(f"{quoted(key)} cannot be a key of {self.label}: it must be a tuple of ({names}).")
        return [part.text(value) for part, value in zip(self.parts, key, strict=True)]

    def _short(self, text: str) -> str:
        if len(text) > LONGEST_KEY:
            raise InvalidKey(
                f"{quoted(text)} is a key of {len(text)} characters; at most {LONGEST_KEY} can be counted."
            )
        return text

    def split(self, text: str) -> list[str]:
        """The texts of a key's parts.

        Raises:
            InvalidKey: there are not as many as there should be.
        """
        try:
            return key_text.split(text, len(self.parts)) if self.is_composite else [text]
        except ValueError as error:
            raise InvalidKey(f"{quoted(text)} cannot be a key of {self.label}: {error}.") from None

    def checked(self, text: str) -> str:
        """A key's text as this class writes it, whatever wrote it: the text of each part may be another.

        Raises:
            InvalidKey: it cannot be that of a key.
        """
        texts = self.split(text)
        try:
            given = [canonical.of_database(part.field, one) for part, one in zip(self.parts, texts, strict=True)]
        except (ValidationError, ValueError):
            raise InvalidKey(f"{quoted(text)} cannot be a key of {self.label}: it is none of its values.") from None
        return self.text(self._as_given(given))

    def value(self, text: str) -> Any:
        """A key as Python has it, of its text."""
        return self._as_given([part.value(one) for part, one in zip(self.parts, self.split(text), strict=True)])

    def to_columns(self, text: str, connection: BaseDatabaseWrapper) -> list[Any]:
        """The values of a key's columns as a database takes them, of its text.

        Raises:
            InvalidKey: it takes no such key.
        """
        return [part.to_column(one, connection) for part, one in zip(self.parts, self.split(text), strict=True)]

    def to_pk(self, text: str, connection: BaseDatabaseWrapper) -> Any:
        """The same as one value, a tuple where the key is composite."""
        if not self.is_composite:
            return self.parts[0].to_column(text, connection)
        return tuple(self.to_columns(text, connection))

    def from_columns(self, columns: Sequence[Any], connection: BaseDatabaseWrapper) -> str:
        """The text of a key, of the values of its columns as a database gives them."""
        values = [part.from_column(value, connection) for part, value in zip(self.parts, columns, strict=True)]
        return self.text(self._as_given(values))

    def plain_pks(self, texts: Sequence[str]) -> dict[str, int]:
        """The primary keys of many keys, where all of them are written as plain positive integers; else of none."""
        try:
            pks = list(map(int, texts))
        except ValueError:
            return {}
        is_plain = pks and min(pks) > 0 and min(pks) in self._plain and max(pks) in self._plain
        return dict(zip(texts, pks, strict=True)) if is_plain and list(map(str, pks)) == list(texts) else {}

    def _as_given(self, values: list[Any]) -> Any:
        return tuple(values) if self.is_composite else values[0]

    # Groups: the composite keys whose first part is the same

    def group(self, first: Any) -> str:
        """The group of a first part, or of the instance that it identifies, as text.

        Raises:
            InvalidKey: it cannot be the first part of a key, or the keys have only one.
        """
        if not self.is_composite:
            raise InvalidKey(f"{self.label} has no composite keys, which could be grouped: use value or values.")
        return key_text.escape(self._short(self.parts[0].text(first)))

    def rest(self, text: str) -> Any:
        """What distinguishes a key in its group: the second part, or a tuple of the second and the further ones."""
        values = self.value(text)
        return values[1] if len(values) == 2 else values[1:]


def target(field: models.Field[Any, Any]) -> models.Field[Any, Any]:
    """The field itself, or the one that a relation refers to in the end."""
    while field.remote_field is not None:
        field = field.target_field  # type: ignore[attr-defined]
    return field


def trusted_types(field: models.Field[Any, Any]) -> frozenset[type]:
    """The types of values that the database is sure to hold just as a program has set them; none of some fields."""
    if getattr(field, "generated", False):  # worked out by the database, which may not tell at once
        return frozenset()
    while field.remote_field is not None and converts_as_django(field):
        field = field.target_field  # type: ignore[attr-defined]
    if not converts_as_django(field):
        return frozenset()
    return next((frozenset({kind, type(None)}) for base, kind in TRUSTED if isinstance(field, base)), frozenset())


def is_utf8(text: str) -> bool:
    """Whether a text can be encoded: one with half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
