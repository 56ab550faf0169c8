"""How the parts of a composite key become one text, in Python and in SQL.

The texts of the parts are joined by commas; a comma or an exclamation mark inside a part has an exclamation mark before
it. So no two keys have the same text, and all keys whose first part is the same, a group, begin with it and a comma.
(A backslash would do as well, if it meant the same in the literals of every database.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..dialects import Dialect

SEPARATOR, ESCAPE = ",", "!"

#: The character after the separator: what begins with a text and the separator is below the text and this one.
AFTER_SEPARATOR = chr(ord(SEPARATOR) + 1)

_PART = re.compile(r"(?:[^!,]|![!,])*")


def escape(part: str) -> str:
    return part.replace(ESCAPE, ESCAPE * 2).replace(SEPARATOR, ESCAPE + SEPARATOR)


def unescape(part: str) -> str:
    if ESCAPE not in part:
        return part
    return re.sub(r"!(.)", r"\1", part, flags=re.DOTALL)


def join(parts: Iterable[str]) -> str:
    """The texts of parts as one text."""
    return SEPARATOR.join(map(escape, parts))


def split(text: str, number: int) -> list[str]:
    """The texts of so many parts.

    Raises:
        ValueError: it is not the text of a key with so many parts.
    """
    parts = split_escaped(text)
    if len(parts) != number:
        raise ValueError(f"it has {len(parts)} parts, not {number}")
    return [unescape(part) for part in parts]


def split_escaped(text: str) -> list[str]:
    if ESCAPE not in text:
        return text.split(SEPARATOR)
    parts, place = [], 0
    while True:
        end = _end(text, place)
        parts.append(text[place:end])
        if end == len(text):
            return parts
        place = end + 1


def _end(text: str, place: int) -> int:
    """Where the part ends that begins at a place."""
    found = _PART.match(text, place)
    end = found.end() if found else place
    if text[end : end + 1] == ESCAPE:
        raise ValueError(f"it has an escape character that stands before neither {SEPARATOR!r} nor {ESCAPE!r}")
    return end


def split_group(text: str) -> tuple[str, str]:
    """The group of a composite key, and the rest of its text, both still escaped."""
    if ESCAPE not in text:
        group, _, rest = text.partition(SEPARATOR)
        return group, rest
    end = _end(text, 0)
    return text[:end], text[end + 1 :]


def split_sql(text: str, number: int, dialect: Dialect) -> list[str]:
    """SQL for the texts of so many parts, of that of a key."""
    if number == 1:
        return [text]
    # A pair of characters for each that is escaped, of which none is the separator.
    marked = f"REPLACE(REPLACE({text}, '!!', '!e'), '!,', '!c')"
    pieces = [dialect.piece(marked, SEPARATOR, place) for place in range(number)]
    return [f"REPLACE(REPLACE({piece}, '!c', ','), '!e', '!')" for piece in pieces]


def joined_sql(texts: Sequence[str], dialect: Dialect) -> str:
    """SQL for the text of a key, of that of its parts; NULL if any of them is NULL."""
    if len(texts) == 1:
        return texts[0]
    return dialect.joined([f"REPLACE(REPLACE({text}, '!', '!!'), ',', '!,')" for text in texts], SEPARATOR)
