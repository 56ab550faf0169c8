"""What a word is: the same in each database, whatever its own parser makes of a text."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from functools import cache

#: Signs that belong to the letter before them: vowels of Indian scripts, points of Hebrew and Arabic.
MARKS = "".join(sign for sign in map(chr, range(0x300, 0xFFFF)) if unicodedata.category(sign) in ("Mn", "Mc"))

#: A letter or digit, and what follows it up to a space or a sign. An underscore parts words.
WORD = re.compile(rf"[^\W_](?:[^\W_]|[{re.escape(MARKS)}])*")

#: Accents over Latin letters, which are left out.
ACCENTS = re.compile("([a-z])[\u0300-\u036f]+")

#: Of longer words the beginning counts. MariaDB's limit is 84 by default.
LONGEST_WORD = 80

#: From how many letters a word may be mistyped, and how many of its letters are looked at.
SHORTEST_MISTYPED, LONGEST_VARIANT = 4, 8


def fold(text: str) -> str:
    """A text without case, and without accents over Latin letters."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", ACCENTS.sub(r"\1", unicodedata.normalize("NFKD", text).casefold()))


def words_of(text: str) -> list[str]:
    """The words of a text, folded, in their order."""
    return [found[:LONGEST_WORD] for found in WORD.findall(fold(text))]


def can_be_mistyped(word: str) -> bool:
    """Whether a word that differs by a letter may stand for it: not numbers and codes."""
    return len(word) >= SHORTEST_MISTYPED and word.isalpha()


def without_a_letter(word: str) -> Iterator[str]:
    """A word, and what it is without one of its letters.

    Of two words of which one becomes the other by changing, adding, leaving out or exchanging letters once, both become
    the same so (the symmetric delete algorithm of W. Garbe, "1000x Faster Spelling Correction", 2012).
    """
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]


def variants(word: str) -> set[str]:
    """What a word is found by: it is typed from the left, so that each of its beginnings may be mistyped."""
    lengths = range(SHORTEST_MISTYPED, min(len(word), LONGEST_VARIANT) + 1)
    return {variant for length in lengths for variant in without_a_letter(word[:length])}


def hash_of(index_name: str, variant: str) -> int:
    """A number for a variant in an index, of 64 bits."""
    hashed = hashlib.blake2b(f"{index_name}\0{variant}".encode(), digest_size=8).digest()
    return int.from_bytes(hashed, "big", signed=True)


@cache
def _allowed(length: int) -> int:
    return 1 if length <= LONGEST_VARIANT else 2


def differs_little(typed: str, word: str, is_prefix: bool) -> int | None:
    """By how many letters a word differs from what was typed; None where by more than may be.

    Args:
        typed: what was typed.
        word: a word.
        is_prefix: whether only the word's beginning was typed.
    """
    most = _allowed(len(typed))
    ends = range(len(typed) - most, len(typed) + most + 1) if is_prefix else [len(word)]
    found = [distance(typed, word[:end]) for end in ends if 0 < end <= len(word)]
    return min(found) if found and min(found) <= most else None


def distance(one: str, other: str) -> int:
    """How often letters must be changed, added, left out, or exchanged with the next one (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, wanted in enumerate(other, 1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, last = last, line
    return last[-1]
