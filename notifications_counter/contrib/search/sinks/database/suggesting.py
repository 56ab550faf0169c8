"""Suggestions on PostgreSQL: where to look for them, so that few documents are read however many there are.

Which words are in many documents, the statistics of the database say. What is in few is looked for everywhere at once.
Else the most popular documents are looked at first, for a beginning of a few letters in an index that has their words
too; then lexemes that say how popular a document is at least make the index read four times as many at each step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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

#: An index puts together so many documents with a word that begins so in the time in which one document is read.
MUCH_MORE = 20

#: A document has a lexeme for each power of this number that its popularity reaches, up to a highest power.
BASE, HIGHEST = 4, 31

#: For how many seconds it is remembered how popular the first documents are, and what the statistics say.
REMEMBERED = 300

#: How many words are tried for one that was typed wrongly.
MOST_SIMILAR = 5

#: So many words that begin alike are looked up by themselves, which is quicker than by their beginning.
MOST_CONTINUATIONS = 40

#: So many documents are read at once, whatever they are: quicker than an index that would put together all that have a
#: word that begins so, and than one look after the other at those that are more popular.
FEW = 1000

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

#: The lexemes, in a way for which no index is used.
UNINDEXED = "(d.names_v || ''::tsvector)"

_remembered: dict[tuple[str, ...], tuple[float, Any]] = {}


def forget() -> None:
    """Look again how popular the first documents are, and what the statistics say, for tests."""
    _remembered.clear()


@dataclass(frozen=True)
class Numbers:
    """What the statistics of the database say.

    Attributes:
        total: about how many documents there are; too many to read where nobody knows.
        shares: the most frequent words, and which part of the documents has each.
    """

    total: float = math.inf
    shares: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def _other(self) -> float:
        """Which part has any other word, at most."""
        return min(self.shares.values(), default=1.0)

    def share(self, asked: Asked) -> float:
        """Which part of the documents has the words, about.

        Words that are asked for together are often found together: the rarest one counts for all of its share, each
        further one for the root of what the one before it counts for, as in the exponential backoff of SQL Server's
        cardinality estimation.
        """
        each = [self.shares.get(word, self._other) for word in asked.words]
        if not asked.is_beginning:
            each.append(min(1.0, sum(self.shares.get(word, self._other) for word in asked.last)))
        return math.prod(math.pow(share, 0.5**place) for place, share in enumerate(sorted(each)))

    def begin_too_many(self, asked: Asked) -> bool:
        """Whether it is better to read the documents with the whole words than to let the index find the beginning."""
        if not asked.words or not asked.is_beginning:
            return False
        begin = sum(share for word, share in self.shares.items() if word.startswith(asked.last[0]))
        return begin > MUCH_MORE * self.share(asked)


class Suggesting:
    """The suggestions of one connection."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def names(self, index: SearchDeclaration, asked: Asked, size: int) -> Iterator[tuple[Part, Part, int]]:
        """As of ``Dialect``."""
        everywhere, levels = Part(f"{TABLE} d"), self._levels(index)
        if asked.is_beginning:
            words = self._continuations(index, asked.last[0])
            if words and len(words) <= MOST_CONTINUATIONS:
                asked = Asked(asked.words, words, is_beginning=False)
            elif not words:
                levels = []
        numbers = self._numbers()
        share = numbers.share(asked)
        is_rare = numbers.total * share <= FEW
        for level, number in levels if not is_rare else ():
            if number * share < size:
                continue  # too few of them have the words
            if asked.is_beginning and number == FIRST:
                yield _popular(index, asked, size), Part(f"{UNINDEXED} @@ %s::tsquery", [_query(asked)]), size
            else:
                yield everywhere, _match(asked, level), size
        yield everywhere, _match(asked, by_index=not is_rare and not numbers.begin_too_many(asked)), size

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

    def has_trigrams(self) -> bool:
        """Whether pg_trgm is there."""
        sql = "SELECT 1 FROM pg_catalog.pg_extension WHERE extname = 'pg_trgm'"
        return bool(self._remember("trigrams", "", lambda: self._rows(sql, [])))

    def _remember(self, what: str, of: str, look: Callable[[], Any]) -> Any:
        place = (what, str(self.connection.settings_dict["NAME"]), of)
        until, found = _remembered.get(place, (0.0, None))
        if time.monotonic() > until:
            found = look()
            _remembered[place] = (time.monotonic() + REMEMBERED, found)
        return found

    def _numbers(self) -> Numbers:
        """What the statistics say."""
        found: Numbers = self._remember("numbers", "", self._look_up_numbers)
        return found

    def _look_up_numbers(self) -> Numbers:
        found = self._rows(
            "SELECT c.reltuples, f.word, f.share FROM pg_catalog.pg_stats s"
            " JOIN pg_catalog.pg_class c ON c.oid = to_regclass(%s)"
            " CROSS JOIN LATERAL unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) f (word, share)"
            " WHERE s.schemaname = c.relnamespace::regnamespace::text AND s.tablename = c.relname"
            " AND s.attname = 'names_v' AND f.word IS NOT NULL",
            [TABLE],
        )
        return Numbers(found[0][0], {word: share for _, word, share in found}) if found else Numbers()

    def _levels(self, index: SearchDeclaration) -> list[tuple[int, int]]:
        """The powers that few to many documents reach, and about how many; none where none is popular."""
        highest, lowest = self._remember(
            "levels", index.name, lambda: [self._level_of(index, number) for number in (FIRST, THEN)]
        )
        return [(level, FIRST * BASE ** (highest - level)) for level in range(highest, max(lowest, 1) - 1, -1)]

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


def _match(asked: Asked, level: int = 0, *, by_index: bool = False) -> Part:
    """The condition that a document has the words, and is as popular as a level says.

    Args:
        asked: the words.
        level: 0 for all documents.
        by_index: whether the index is to find a beginning too, not only the whole words before it.
    """
    words = [*map(_literal, asked.words), *([_literal(f" {level:02}")] if level else [])]
    if words and asked.is_beginning and not by_index:
        # Of what is read, first a text: only where it may have the beginning, or may be other words, the lexemes.
        may = "d.names_s IS NULL OR strpos(d.names_s, %s) > 0 OR strpos(d.names_s, '_') > 0"
        beginning = f"CASE WHEN {may} THEN {UNINDEXED} @@ %s::tsquery ELSE false END"
        return Part(f"d.names_v @@ %s::tsquery AND {beginning}", [" & ".join(words), f" {asked.last[0]}", _last(asked)])
    return Part("d.names_v @@ %s::tsquery", [" & ".join([*words, f"({_last(asked)})"])])


def _query(asked: Asked) -> str:
    return " & ".join([*map(_literal, asked.words), f"({_last(asked)})"])


def _last(asked: Asked) -> str:
    return " | ".join(f"{_literal(word)}{':*' if asked.is_beginning else ''}" for word in asked.last)


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
