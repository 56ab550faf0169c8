"""One value of several that are equal for a database: two spellings of a key would be counted as two keys."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from .conditions import converts_as_django

#: What no field that can be a key means by itself, though Python may convert it.
NEVER: tuple[type, ...] = (bool, float, bytes, bytearray, memoryview)


def value(field: models.Field[Any, Any], given: Any) -> Any:
    """What a program gives as a value of a field, as every spelling of it is converted; None where it is none.

    Raises:
        ValidationError, TypeError, ValueError, ArithmeticError: the field takes no such value.
    """
    is_decimal = isinstance(field, models.DecimalField)
    if isinstance(given, NEVER) or (isinstance(given, Decimal) and not is_decimal):
        return None
    converted = field.to_python(given.value if isinstance(given, enum.Enum) else given)
    if not converts_as_django(field) and not hasattr(field, "from_db_value"):
        converted = field.to_python(field.get_prep_value(converted))  # as a database will have it
    convert = next((convert for kind, convert in CONVERSIONS if isinstance(field, kind)), None)
    return converted if convert is None or converted is None else convert(field, converted)


def of_database(field: models.Field[Any, Any], text: str) -> Any:
    """What SQL has written as the text of a value, as ``value`` takes it."""
    if isinstance(field, models.GenericIPAddressField):
        return text.partition("/")[0]  # PostgreSQL adds the length of the network
    if isinstance(field, models.DateTimeField) and settings.USE_TZ:
        moment = field.to_python(text)
        return moment.replace(tzinfo=datetime.UTC) if timezone.is_naive(moment) else moment
    return text


def text(canonical: Any) -> str:
    """The text of a value that ``value`` has converted."""
    return f"{canonical:f}" if isinstance(canonical, Decimal) else str(canonical)


def _decimal(field: Any, given: Decimal) -> Decimal:
    """With just the decimal places of its column, and no negative zero."""
    if not given.is_finite():
        raise ValidationError("no number")
    rounded = given.quantize(Decimal(1).scaleb(-field.decimal_places), context=field.context)
    if rounded != given:
        raise ValidationError("more decimal places than the column")
    return rounded if rounded else abs(rounded)


def _moment(field: Any, given: datetime.datetime) -> datetime.datetime:
    """In UTC; where ``USE_TZ`` is off, without a zone, as the site's own clock shows it."""
    if settings.USE_TZ:
        aware = timezone.make_aware(given) if timezone.is_naive(given) else given
        return aware.astimezone(datetime.UTC)
    return given if timezone.is_naive(given) else timezone.make_naive(given)


def _address(field: Any, given: str) -> str:
    """As Django's forms write it, which compress an address of version 6."""
    address = field.to_python(given.strip().lower())
    field.run_validators(address)
    return str(address)


#: Kind of field -> what makes one value of all that are equal; a subclass stands before its base.
CONVERSIONS: list[tuple[type[models.Field[Any, Any]], Callable[[Any, Any], Any]]] = [
    (models.DecimalField, _decimal),
    (models.DateTimeField, _moment),
    (models.GenericIPAddressField, _address),
]
