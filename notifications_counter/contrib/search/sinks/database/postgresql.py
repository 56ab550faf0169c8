"""PostgreSQL: a column of words with weights and a GIN index over it, and indexes for suggestions."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Any

from .....compat.uncached import rows_of
from .....projections.tables import ProjectionProgress
from ...models import SearchDocument
from .rows import CLASSES, weights
from .vendor import REPLACED, TABLE, Parameters, Terms, Vendor

if TYPE_CHECKING:
    from ...index import SearchIndex

#: Words are found by prefixes and as they are in "simple", which leaves no word out; by stems in the index's language.
SIMPLE = "simple"

#: GIN takes new entries together. More than so many kB would be read by each search one by one.
PENDING = "WITH (gin_pending_list_limit = 256)"

INDEXES = {
    "nc_search_text": f"ON {TABLE} USING gin (search) {PENDING}",
    "nc_search_words": f"ON {TABLE} USING gin (to_tsvector('simple'::regconfig, words)) {PENDING}",
    # Suggestions are looked for among the most popular documents in this index alone.
    "nc_search_walk": f"ON {TABLE} (index_name, popularity DESC, id) INCLUDE (words)",
}

COLUMN = "SELECT COUNT(*) FROM pg_attribute WHERE attrelid = to_regclass(%(t)s) AND attname = 'search'"
FOUND = "SELECT COUNT(*) FROM pg_class WHERE relkind = 'i' AND oid IN ({})"

#: The columns of new rows, as arrays.
GIVEN = {
    "key": "text",
    **dict.fromkeys(CLASSES, "text"),
    "words": "text",
    "body": "text",
    "filterable": "text",
    "popularity": "float8",
    "digest": "text",
    "version": "int8",
}


class PostgreSQL(Vendor):
    supports_more_like = False  # it ranks by no word's rarity

    def is_installed(self) -> bool:
        listed = ", ".join(f"to_regclass('{name}')" for name in INDEXES)
        return self._has_column() and self.rows(FOUND.format(listed), {})[0][0] == len(INDEXES)

    def install(self) -> None:
        if not self._has_column():
            self.run(f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS search tsvector")
            # What is there without one cannot be found: each flush goes on with making all documents anew.
            if rows_of(SearchDocument, self.connection.alias).exists():
                rows_of(ProjectionProgress, self.connection.alias).update(identity="", building="")
        self.run(*(f"CREATE INDEX IF NOT EXISTS {name} {what}" for name, what in INDEXES.items()))

    def _has_column(self) -> bool:
        return bool(self.rows(COLUMN, {"t": TABLE})[0][0])

    def write(self, index: SearchIndex, rows: Sequence[SearchDocument]) -> None:
        p = Parameters()
        arrays = ", ".join(f"{p.add([_given(row, name) for row in rows])}::{type}[]" for name, type in GIVEN.items())
        # The texts themselves are in the documents' bodies.
        columns = ("index_name", "key", *CLASSES, "words", "body", "filterable", "popularity", "digest", "version")
        values = f"{p.add(index.name)}, d.key, '', '', '', '', d.words, d.body::jsonb, d.filterable::jsonb"
        replaced = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*REPLACED, "search"))
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {TABLE} ({', '.join(columns)}, search)"
                f" SELECT {values}, d.popularity, d.digest, d.version, {_vector(index, p)}"
                f" FROM unnest({arrays}) d ({', '.join(GIVEN)})"
                f" ON CONFLICT (index_name, key) DO UPDATE SET {replaced}",
                p,
            )

    def matches(self, index: SearchIndex, terms: Terms, p: Parameters) -> str:
        return f"d.search @@ {_query(index, terms, p)}"

    def scored(self, index: SearchIndex, terms: Terms, p: Parameters) -> tuple[str, str]:
        most = max(weights(index)) or 1
        ranks = ", ".join(str(weight / most) for weight in reversed(weights(index)))
        return "", f"ts_rank(ARRAY[{ranks}]::float4[], d.search, {_query(index, terms, p)})"

    def has_words(self, terms: Terms, p: Parameters) -> str:
        # Words are letters and digits alone, so that quotes are enough.
        asked = " & ".join(f"({' | '.join(_quoted(word, is_prefix) for word in words)})" for words, is_prefix in terms)
        query = f"to_tsquery('simple'::regconfig, {p.add(asked)})"
        return f"to_tsvector('simple'::regconfig, d.words) @@ {query}"

    def words_like(self, terms: Terms, p: Parameters) -> str:
        # One regular expression for all alternatives: it looks at a row once.
        found = [
            p.add(f" ({'|'.join(words)}){'' if is_prefix else ' '}" if len(words) > 1 else f"% {words[0]}%")
            if is_prefix or len(words) > 1
            else p.add(f"% {words[0]} %")
            for words, is_prefix in terms
        ]
        operators = ["~" if len(words) > 1 else "LIKE" for words, _ in terms]
        return " AND ".join(f"d.words {operator} {one}" for operator, one in zip(operators, found, strict=True))

    def matching(self, index: SearchIndex, terms: Terms, words: Set[str]) -> set[str]:
        p = Parameters()
        asked = " || ".join(_word(index, word, p) for alternatives, _ in terms for word in alternatives)
        vector = " || ".join(f"to_tsvector({p.add(name)}::regconfig, w)" for name in _languages(index))
        found = self.rows(f"SELECT w FROM unnest({p.add(sorted(words))}::text[]) w WHERE ({vector}) @@ ({asked})", p)
        return {word for (word,) in found}

    def elements(self, name: str, kind: str) -> str:
        return f"jsonb_array_elements(d.filterable -> '{name}') e (value)"

    def first(self, name: str, kind: str) -> str:
        text = f"(d.filterable -> '{name}' ->> 0)"
        return f"{text}::numeric" if kind in ("number", "boolean") else text

    def value(self, given: Any, p: Parameters) -> str:
        return f"{p.add(json.dumps(int(given) if isinstance(given, bool) else given))}::jsonb"

    def found(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value


def _given(row: SearchDocument, name: str) -> Any:
    value = getattr(row, name)
    return json.dumps(value) if name in ("body", "filterable") else value


def _languages(index: SearchIndex) -> list[str]:
    return list(dict.fromkeys([index.language, SIMPLE]))


def _vector(index: SearchIndex, p: Parameters) -> str:
    return " || ".join(
        f"setweight(to_tsvector({p.add(language)}::regconfig, d.{name}), '{name[-1].upper()}')"
        for language in _languages(index)
        for name in CLASSES
    )


def _query(index: SearchIndex, terms: Terms, p: Parameters) -> str:
    return "(" + " && ".join(f"({' || '.join(_word(index, word, p) for word in words)})" for words, _ in terms) + ")"


def _word(index: SearchIndex, word: str, p: Parameters) -> str:
    """A word as it is, or by its stem: a language has words without one, such as "the"."""
    return " || ".join(f"plainto_tsquery({p.add(name)}::regconfig, {p.add(word)})" for name in _languages(index))


def _quoted(word: str, is_prefix: bool) -> str:
    return f"'{word}'{':*' * is_prefix}"
