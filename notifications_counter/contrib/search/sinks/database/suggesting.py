"""Suggestions on PostgreSQL: where to look for them, so that few documents are read however many there are.

A beginning of a few letters is in very many documents. It is looked for among the most popular ones first, in an index
that has their words too. A longer one stands for a few words, of which the index of words knows where they are; lexemes
that say how popular a document is at least make it read the popular ones only. Only what is rare is looked for
everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...models import SearchDocument, SearchWord
from .dialect import SPARE, TABLE, Part
from .words import Asked

if TYPE_CHECKING:
    from ...declaration import SearchDeclaration

WORDS_TABLE = SearchWord._meta.db_table
POPULAR_INDEX = SearchDocument._meta.indexes[0].name

#: Among how many of the most popular documents is looked first, and among how many at most then.
FIRST, THEN = 2000, 100_000

#: A document has a lexeme for each power of this number that its popularity reaches, up to a highest power.
BASE, HIGHEST = 4, 31

#: For how many seconds it is remembered how popular the first documents are.
REMEMBERED = 300

#: How many words are tried for one that was typed wrongly.
MOST_SIMILAR = 5

#: So many words that begin alike are looked up by themselves, which is quicker than by their beginning.
MOST_CONTINUATIONS = 40

#: A beginning of so few letters is in so many words that only the other words are looked up.
SHORT = 2

LEVELS = ",".join(f" {level:02}" for level in range(1, HIGHEST + 1))
EXACT_LEVEL = f"least({HIGHEST}, ln(1 + greatest(popularity, 0)) / ln({BASE}))"
LEVEL = f"floor({EXACT_LEVEL})::int"

#: Columns that the database makes itself: the words that are suggested, with lexemes that say how popular they are at
#: least, which begin with a blank as no word does; and the words as a text that an index can have.
COLUMNS = {
    "names_v": (
        "tsvector",
        "to_tsvector('simple', names) ||"
        f" array_to_tsvector(string_to_array(substr('{LEVELS}', 1, greatest(4 * {LEVEL} - 1, 0)), ','))",
    ),
    "names_s": ("text", "CASE WHEN octet_length(names) < 500 THEN ' ' || names || ' ' END"),
}

_remembered: dict[tuple[str, str], tuple[float, list[int]]] = {}


def forget() -> None:
    """Look again how popular the first documents are, for tests."""
    _remembered.clear()


class Suggesting:
    """The suggestions of one connection."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def names(self, index: SearchDeclaration, asked: Asked, size: int) -> Iterator[tuple[Part, Part, int]]:
        """As of ``Dialect``."""
        everywhere, levels = Part(f"{TABLE} d"), self._levels(index)
        if asked.is_beginning:
            words = self._continuations(index, asked.last[0])
            if len(words) > MOST_CONTINUATIONS:
                yield _popular(index, asked, size), _match(asked), size
                levels = levels[1:]
            elif words:
                asked = Asked(asked.words, words, is_beginning=False)
            else:
                levels = []
        # All documents that have the other words would have to be read: one that is popular will do.
        enough = 1 if asked.words and asked.is_beginning else size
        for level in levels:
            yield everywhere, _match(asked, level), enough
        yield everywhere, _match(asked), size

    def similar(self, index: SearchDeclaration, asked: Asked) -> list[Asked]:
        """The words that are most like the last one, the best by itself."""
        typed = asked.last[0]
        found = self._rows(
            f'SELECT word FROM {WORDS_TABLE} WHERE "index" = %s AND word %% %s AND word <> %s GROUP BY word'
            f" ORDER BY similarity(word, %s) DESC, word LIMIT {MOST_SIMILAR}",
            [index.name, typed, typed, typed],
        )
        words = [word for (word,) in found]
        return [Asked(asked.words, part, is_beginning=False) for part in (words[:1], words[1:]) if part]

    def _continuations(self, index: SearchDeclaration, beginning: str) -> list[str]:
        """The words that begin so, one more at most than are looked up by themselves."""
        found = self._rows(
            f'SELECT DISTINCT word FROM {WORDS_TABLE} WHERE "index" = %s AND word >= %s AND word < %s'
            f" LIMIT {MOST_CONTINUATIONS + 1}",
            [index.name, beginning, f"{beginning}\U0010ffff"],
        )
        return [word for (word,) in found]

    def _levels(self, index: SearchDeclaration) -> list[int]:
        """Which powers so many documents reach at most; 0 where there are fewer, or none is popular."""
        place = (str(self.connection.settings_dict["NAME"]), index.name)
        until, levels = _remembered.get(place, (0.0, []))
        if time.monotonic() > until:
            levels = [self._level_of(index, number) for number in (FIRST, THEN)]
            _remembered[place] = (time.monotonic() + REMEMBERED, levels)
        return [level for level in levels if level]

    def _level_of(self, index: SearchDeclaration, number: int) -> int:
        found = self._rows(
            f'SELECT ceil({EXACT_LEVEL}) FROM {TABLE} WHERE "index" = %s'
            f" ORDER BY popularity DESC OFFSET {number} LIMIT 1",
            [index.name],
        )
        return int(found[0][0]) if found else 0

    def _rows(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())


def _popular(index: SearchDeclaration, asked: Asked, size: int) -> Part:
    """The most popular documents that may have the words; all that the index does not have the words of may."""
    parts = [*(f" {word} " for word in asked.words), f" {asked.last[0]}"]
    has = " AND ".join(["strpos(p.names_s, %s) > 0"] * len(parts))
    popular = f'SELECT id, names_s FROM {TABLE} WHERE "index" = %s ORDER BY popularity DESC LIMIT {FIRST}'
    ids = f"SELECT p.id FROM ({popular}) p WHERE p.names_s IS NULL OR ({has}) LIMIT {SPARE * size}"
    return Part(f"({ids}) f JOIN {TABLE} d ON d.id = f.id", [index.name, *parts])


def _match(asked: Asked, level: int = 0) -> Part:
    """The condition that a document has the words, and is as popular as a level says."""
    level_lexeme = [_literal(f" {level:02}")] if level else []
    last = " | ".join(f"{_literal(word)}{':*' if asked.is_beginning else ''}" for word in asked.last)
    words = [*map(_literal, asked.words), *level_lexeme]
    if asked.words and asked.is_beginning and (level or len(asked.last[0]) <= SHORT):
        # Not by the index, which would have to read all of the many words that begin so.
        return Part(
            "d.names_v @@ %s::tsquery AND (d.names_v || ''::tsvector) @@ %s::tsquery", [" & ".join(words), last]
        )
    return Part("d.names_v @@ %s::tsquery", [" & ".join([*words, f"({last})"])])


def _literal(word: str) -> str:
    """A word that is no operator of a query: words have no quotes and no backslashes."""
    return f"'{word}'"


def covering(connection: BaseDatabaseWrapper) -> Iterable[str]:
    """What gives the index of the most popular documents the words of those."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_catalog.pg_index i WHERE i.indexrelid = to_regclass(%s) AND i.indnatts > i.indnkeyatts",
            [POPULAR_INDEX],
        )
        if not cursor.fetchone():
            yield f"DROP INDEX IF EXISTS {POPULAR_INDEX}"
            yield f'CREATE INDEX {POPULAR_INDEX} ON {TABLE} ("index", popularity DESC) INCLUDE (id, names_s)'
