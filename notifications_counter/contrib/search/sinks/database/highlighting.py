"""Passages of a text in which what was found is marked."""

from __future__ import annotations

from collections.abc import Set

from django.utils.html import escape
from django.utils.safestring import SafeString

from .words import WORD, words_of

#: Characters of a passage around what was found, and how many passages a text has at most.
AROUND, MOST_PASSAGES = 80, 3

#: A text up to this length is shown as a whole.
WHOLE = 250


def passages(text: str, found: Set[str]) -> list[SafeString]:
    """Passages with the words that were found in ``<mark>``; none where none of them is in the text.

    Args:
        text: the text, not escaped.
        found: the words, folded.
    """
    places = [match.span() for match in WORD.finditer(text) if not found.isdisjoint(words_of(match[0]))]
    if not places:
        return []
    if len(text) <= WHOLE:
        return [_marked(text, 0, len(text), places)]
    return [_marked(text, begin, end, places) for begin, end in _windows(text, places)]


def _windows(text: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    windows: list[tuple[int, int]] = []
    for begin, end in places:
        if windows and begin < windows[-1][1]:
            continue
        if len(windows) == MOST_PASSAGES:
            break
        windows.append((_outwards(text, max(0, begin - AROUND), -1), _outwards(text, min(len(text), end + AROUND), 1)))
    return windows


def _outwards(text: str, place: int, step: int) -> int:
    """The end of the word that a place is in."""
    for _ in range(AROUND):
        beside = place - 1 if step < 0 else place
        if not 0 <= beside < len(text) or text[beside].isspace():
            break
        place += step
    return place


def _marked(text: str, begin: int, end: int, places: list[tuple[int, int]]) -> SafeString:
    parts, last = [], begin
    for start, stop in places:
        if begin <= start and stop <= end:
            parts += [escape(text[last:start]), "<mark>", escape(text[start:stop]), "</mark>"]
            last = stop
    return SafeString("".join([*parts, escape(text[last:end])]))  # each part is escaped
