"""Keys as text: what may be one, and how it is written wherever deltas are pending."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models

from ..conf import is_integer
from ..exceptions import InvalidKey
from .conditions import converts_as_django

#: Fields, and the one type of value with which Python and every database mean the same.
TRUSTED = (
    (models.BooleanField, bool),
    (models.IntegerField, int),
    (models.CharField, str),
    (models.TextField, str),
    (models.UUIDField, uuid.UUID),
)

#: The longest key, in characters, that the table of deltas can hold.
LONGEST_KEY = 500


class KeyConverter:
    """Converts the keys of one counter.

    Args:
        label: the counter's label, for messages.
        field: the field that converts them.
    """

    def __init__(self, label: str, field: models.Field[Any, Any]) -> None:
        self.label = label
        self.field = field
        # What the database would refuse, and with it the whole chunk of a flush.
        kinds = (MinValueValidator, MaxValueValidator, MaxLengthValidator)
        self.limits: list[Callable[[Any], None]] = [one for one in field.validators if isinstance(one, kinds)]
        self.plain = self._plain()

    def text(self, key: Any) -> str:
        """A key, or an instance whose primary key it is, as text.

        Raises:
            InvalidKey: it cannot be a key.
        """
        if type(key) is int and key in self.plain:
            return str(key)
        if isinstance(key, models.Model):
            key = key.pk
        text = str(self._value(key))
        if "\0" in text or not _is_utf8(text):
            raise InvalidKey(f"{key!r} cannot be a key of {self.label}: not every database holds such text.")
        if len(text) > LONGEST_KEY:
            said = f"{text[:50]!r}... is a key of {len(text)} characters"
            raise InvalidKey(f"{said}; at most {LONGEST_KEY} can be counted.")
        return text

    def plain_pks(self, texts: Sequence[str]) -> dict[str, int]:
        """The primary keys of many keys, where all of them are written as plain positive integers; else of none."""
        try:
            pks = list(map(int, texts))
        except ValueError:
            return {}
        is_plain = pks and min(pks) > 0 and min(pks) in self.plain and max(pks) in self.plain
        return dict(zip(texts, pks, strict=True)) if is_plain and list(map(str, pks)) == list(texts) else {}

    def _plain(self) -> range:
        """The integers of which each is a key as it is: they are most keys of most counters, and checked first."""
        if not isinstance(self.field, models.IntegerField) or not converts_as_django(self.field):
            return range(0)
        least = [one.limit_value for one in self.limits if isinstance(one, MinValueValidator)]
        most = [one.limit_value for one in self.limits if isinstance(one, MaxValueValidator)]
        if not least or not most or not all(is_integer(limit) for limit in least + most):
            return range(0)
        return range(max(least), min(most) + 1)

    def _value(self, key: Any) -> Any:
        try:
            value = self.field.to_python(key)
            for validator in self.limits:
                validator(value)
        except (ValidationError, TypeError, ValueError, OverflowError):
            value = None
        if value is None or isinstance(key, bool | float | bytes | Decimal):
            raise InvalidKey(f"{key!r} cannot be a key of {self.label}: {self.field} takes no such value.")
        return value


def trusted_types(field: models.Field[Any, Any]) -> frozenset[type]:
    """The types of values that the database is sure to hold just as a program has set them; none of some fields."""
    if getattr(field, "generated", False):  # worked out by the database, which may not tell at once
        return frozenset()
    while field.remote_field is not None and converts_as_django(field):
        field = field.target_field  # type: ignore[attr-defined]
    if not converts_as_django(field):
        return frozenset()
    return next((frozenset({kind, type(None)}) for base, kind in TRUSTED if isinstance(field, base)), frozenset())


def _is_utf8(text: str) -> bool:
    """Whether a text can be encoded: one with half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
