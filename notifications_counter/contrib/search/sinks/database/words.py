"""Texts as words: the same for what is stored, what is typed and what is marked, whatever the database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

if TYPE_CHECKING:
    from ...declaration import SearchDeclaration

WORD = re.compile(r"\w+")

#: The longest word; what is longer is cut. MariaDB indexes words of at most 84 characters.
LONGEST = 80

#: How many kinds of weight the databases tell apart.
CLASSES = "abcd"

#: How much of the words of one document is searched: PostgreSQL refuses rows with more than 1 MB of them and of their
#: places, and what is refused here would keep the row itself from being saved.
MOST_BYTES = 400_000

#: How many characters a passage has around what is marked in it, on each side.
AROUND = 60

#: How many passages a field has.
MOST_PASSAGES = 3


@dataclass(frozen=True)
class Asked:
    """What suggestions must have.

    Attributes:
        words: words that must be there.
        last: words of which one must be there.
        is_beginning: whether a word that only begins like ``last`` will do.
    """

    words: Sequence[str]
    last: Sequence[str]
    is_beginning: bool = True

    def fits(self, text: str) -> bool:
        """Whether a text has them."""
        here = words(text)
        return all(one in here for one in self.words) and any(map(self._is_last, here))

    def _is_last(self, word: str) -> bool:
        return word.startswith(tuple(self.last)) if self.is_beginning else word in self.last


def words(text: str) -> list[str]:
    """The words of a text, without regard to case and accents."""
    return [word[:LONGEST] for word in WORD.findall(plain(text)) if word.strip("_")]


def plain(text: str) -> str:
    """A text in small letters, without accents."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


def texts(value: Any) -> list[str]:
    """The texts of a field's value, which may be a list."""
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def weights(index: SearchDeclaration) -> dict[str, float]:
    """Class -> what it weighs: as many of the weights of the index as can be told apart, the greatest first."""
    found = sorted({field.weight for field in index.fields.values() if field.is_text}, reverse=True)
    return dict(zip(CLASSES, [*found[: len(CLASSES)], *[1.0] * len(CLASSES)], strict=False))


def by_class(index: SearchDeclaration, body: Mapping[str, Any]) -> dict[str, str]:
    """Class -> the words of all fields that weigh so much."""
    classes = {weight: name for name, weight in reversed(weights(index).items())}
    found: dict[str, list[str]] = {name: [] for name in CLASSES}
    for name, field in index.fields.items():
        if field.is_text:
            place = classes.get(field.weight, CLASSES[-1])
            found[place] += [word for text in texts(body.get(name)) for word in words(text)]
    left, cut = MOST_BYTES, {}
    for name in CLASSES:
        cut[name], left = beginning(found[name], left)
    return cut


def beginning(found: Sequence[str], most: int) -> tuple[str, int]:
    """As many words as fit into some bytes, joined by spaces, and how many bytes are left."""
    for place, word in enumerate(found):
        most -= len(word.encode()) + 1
        if most < 0:
            return " ".join(found[:place]), 0
    return " ".join(found), most


def names(index: SearchDeclaration, body: Mapping[str, Any]) -> list[str]:
    """The texts of a document that are suggested."""
    return [text for name, field in index.fields.items() if field.is_suggested for text in texts(body.get(name))]


# Marking


def passages(text: str, wanted: Sequence[str], stems: bool) -> list[SafeString]:
    """Passages of a text, escaped, with the words that were looked for in ``<mark>``; none where there are none."""
    found = [one.span() for one in WORD.finditer(text) if _is_wanted(one[0], wanted, stems)]
    groups: list[list[tuple[int, int]]] = []
    for span in found:
        if groups and span[0] - groups[-1][-1][1] < AROUND:
            groups[-1].append(span)
        else:
            groups.append([span])
    return [_passage(text, group) for group in groups[:MOST_PASSAGES]]


def _is_wanted(word: str, wanted: Iterable[str], stems: bool) -> bool:
    here = words(word)
    return any(part == one or (stems and _are_alike(part, one)) for part in here for one in wanted)


def _are_alike(one: str, other: str) -> bool:
    """Whether two words may have the same stem: they begin alike, and differ in an ending."""
    common = min(len(one), len(other))
    same = next((place for place in range(common) if one[place] != other[place]), common)
    return same >= 3 and max(len(one), len(other)) - same <= 3


def _passage(text: str, spans: Sequence[tuple[int, int]]) -> SafeString:
    begin, end = _begin(text, spans[0][0]), _end(text, spans[-1][1])
    parts, place = ["…" if begin else ""], begin
    for first, last in spans:
        parts += [escape(text[place:first]), "<mark>", escape(text[first:last]), "</mark>"]
        place = last
    return mark_safe("".join([*parts, escape(text[place:end]), "…" if end < len(text) else ""]))  # noqa: S308 - escaped


def _begin(text: str, place: int) -> int:
    """The beginning of a word, some characters before a place."""
    if place <= AROUND:
        return 0
    space = text.find(" ", place - AROUND, place)
    return place - AROUND if space < 0 else space + 1


def _end(text: str, place: int) -> int:
    if len(text) - place <= AROUND:
        return len(text)
    space = text.rfind(" ", place, place + AROUND)
    return place + AROUND if space < 0 else space
