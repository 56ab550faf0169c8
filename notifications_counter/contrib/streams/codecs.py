"""Codecs: what a message is in Python, and the bytes that it is in a log.

Any object with ``encode(value)`` and ``decode(data)`` is a codec. Where a codec is asked for, ``str``, ``int`` and
``bytes`` stand for those of this module, and ``"json"`` for the one of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from django.core.serializers.json import DjangoJSONEncoder

from ...exceptions import InvalidSettings, quoted


class Codec(Protocol):
    """Turns values into bytes and back; an error of either stops whoever wanted it."""

    def encode(self, value: Any) -> bytes:
        """The bytes of a value."""

    def decode(self, data: bytes) -> Any:
        """The value of bytes."""


class String:
    """Text, in UTF-8."""

    content_type = "text/plain; charset=utf-8"

    def encode(self, value: str) -> bytes:
        """The bytes of a text.

        Raises:
            TypeError: it is no text.
        """
        if not isinstance(value, str):
            raise TypeError(f"{quoted(value)} is no text.")
        return value.encode()

    def decode(self, data: bytes) -> str:
        """The text of bytes.

        Raises:
            UnicodeDecodeError: they are not UTF-8.
        """
        return data.decode()


class Integer:
    """Integers of any size, as decimal digits, as goka's codec of integers has them."""

    content_type = "text/plain; charset=utf-8"

    def encode(self, value: int) -> bytes:
        """The digits of an integer.

        Raises:
            TypeError: it is no integer.
        """
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{quoted(value)} is no integer.")
        return b"%d" % value

    def decode(self, data: bytes) -> int:
        """The integer of digits.

        Raises:
            ValueError: they are none.
        """
        if not data.removeprefix(b"-").isdigit():
            raise ValueError(f"{quoted(data)} is no integer.")
        return int(data)


class Bytes:
    """Bytes as they are."""

    def encode(self, value: bytes) -> bytes:
        """The bytes themselves.

        Raises:
            TypeError: it is no bytes object.
        """
        if not isinstance(value, bytes):
            raise TypeError(f"{quoted(value)} is no bytes object.")
        return value

    def decode(self, data: bytes) -> bytes:
        """The bytes themselves."""
        return data


class JSON:
    """Values of JSON, written compactly, in UTF-8; dates and decimals are written as Django writes them."""

    content_type = "application/json"

    def encode(self, value: Any) -> bytes:
        """A value as JSON.

        Raises:
            TypeError, ValueError: JSON has no such value; it has no NaN either.
        """
        return json.dumps(
            value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, cls=DjangoJSONEncoder
        ).encode()

    def decode(self, data: bytes) -> Any:
        """The value of JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(data)


class Field:
    """One value as a JSON object with one field, such as ``{"Clicks":153}``.

    Args:
        name: the name of the field.
    """

    content_type = JSON.content_type

    def __init__(self, name: str) -> None:
        self.name = name

    def encode(self, value: Any) -> bytes:
        """The object of a value.

        Raises:
            TypeError, ValueError: JSON has no such value.
        """
        return JSON().encode({self.name: value})

    def decode(self, data: bytes) -> Any:
        """The value of an object.

        Raises:
            ValueError: it is no object with this field alone.
        """
        found = JSON().decode(data)
        if not isinstance(found, dict) or found.keys() != {self.name}:
            raise ValueError(f"{quoted(data)} is no object with the field {self.name!r} alone.")
        return found[self.name]


NAMED: dict[Any, Codec] = {str: String(), int: Integer(), bytes: Bytes(), "json": JSON()}


def codec_of(given: Any) -> Codec:
    """The codec that is meant.

    Args:
        given: a codec, a class of one that takes no arguments, or what stands for one.

    Raises:
        InvalidSettings: it is none of these.
    """
    if isinstance(given, type | str) and given in NAMED:
        return NAMED[given]
    found: Any = given() if isinstance(given, type) and given is not object and _is_codec(given) else given
    if not _is_codec(found):
        raise InvalidSettings(
            f"{quoted(given)} is no codec: give str, int, bytes, 'json', or an object with encode and decode."
        )
    return found  # type: ignore[no-any-return]


def can_decode_all(codec: Codec, values: Sequence[bytes | None]) -> bool:
    """Whether a codec decodes each of many values; asked of all at once where that says as much.

    Args:
        codec: the codec.
        values: what it is to decode; None, a tombstone, is not decoded.
    """
    if type(codec) is Bytes:
        return True
    data = (value for value in values if value is not None)
    try:
        if type(codec) is String:  # no text begins or ends in the middle of a character
            b"\0".join(data).decode()
        else:
            for value in data:
                codec.decode(value)
    except Exception:
        return False
    return True


def _is_codec(given: Any) -> bool:
    return callable(getattr(given, "encode", None)) and callable(getattr(given, "decode", None))
