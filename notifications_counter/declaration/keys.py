"""Keys as text: what may be one, and how it is written wherever deltas are pending."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models

from ..conf import is_integer
from ..exceptions import InvalidKey

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
        kind: Any = type(self.field)
        conversions = (kind.to_python, kind.get_prep_value, kind.get_db_prep_value)
        if conversions[0] is not models.IntegerField.to_python or not all(map(_is_djangos, conversions)):
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


def _is_djangos(method: Any) -> bool:
    return str(method.__module__).startswith("django.db.models.")


def _is_utf8(text: str) -> bool:
    """Whether a text can be encoded: one with half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
