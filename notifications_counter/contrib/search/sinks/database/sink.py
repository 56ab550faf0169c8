"""The embedded sink: what it does in every database in the same way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error
from django.db import connections, transaction

from .....compat.uncached import rows_of
from .....projections.documents import Document, Outcome
from .....projections.noting import note
from .....projections.reading import without_rows
from ...models import LONGEST_KEY, SearchDocument
from ...results import Hit, Page, Query, Stored, Suggestion
from ..base import DIGEST, POPULARITY, SearchSink
from . import words
from .dialect import MOST_VALUES, SPARE, Dialect, Part
from .mysql import MySQLDialect
from .postgresql import PostgreSQLDialect
from .sqlite import SQLiteDialect

if TYPE_CHECKING:
    from ...declaration import SearchDeclaration

DIALECTS: dict[str, type[Dialect]] = {
    "sqlite": SQLiteDialect,
    "mysql": MySQLDialect,
    "postgresql": PostgreSQLDialect,
}

#: Documents that are compared with their rows at once.
SLICE = 1000

#: By how many words of a document others are found that are like it.
MOST_WORDS = 25

#: The one name of what is read and of what is built: rows are replaced in their place.
IN_PLACE = "in place"


def dialect_for(using: str) -> Dialect:
    """What is done in its own way by the database of an alias."""
    connection = connections[using]
    return DIALECTS[connection.vendor](connection)


class DatabaseSink(SearchSink):
    """Documents in the database of their rows."""

    in_transaction = True
    supports_highlighting = True
    supports_more_like = True

    # Writing

    def send(
        self, projection: SearchDeclaration, documents: Sequence[Document], *, using: str, target: str | None = None
    ) -> list[Outcome]:
        refused = [one for one in documents if len(one.key) > LONGEST_KEY]
        taken = [one for one in documents if len(one.key) <= LONGEST_KEY]
        self._delete(projection, [one.key for one in taken if one.body is None], using)
        self._write(projection, {one.key: one.body for one in taken if one.body is not None}, using)
        sentence = f"its key is longer than {LONGEST_KEY} characters"
        return [*(Outcome(one.key, refused=sentence) for one in refused), *(Outcome(one.key) for one in taken)]

    def _rows(self, index: SearchDeclaration, using: str) -> Any:
        return rows_of(SearchDocument, using).filter(index=index.name)

    def _delete(self, index: SearchDeclaration, keys: Sequence[str], using: str) -> None:
        if keys and (ids := list(self._rows(index, using).filter(key__in=keys).values_list("id", flat=True))):
            dialect_for(using).deleting(index, ids)
            rows_of(SearchDocument, using).filter(id__in=ids)._raw_delete(using)

    def _write(self, index: SearchDeclaration, bodies: Mapping[str, Mapping[str, Any]], using: str) -> None:
        if not bodies:
            return
        dialect = dialect_for(using)
        rows = [self._row(index, key, body, dialect) for key, body in sorted(bodies.items())]
        changed = [field.name for field in SearchDocument._meta.fields if field.name not in ("id", "index", "key")]
        with_target = connections[using].features.supports_update_conflicts_with_target
        rows_of(SearchDocument, using).bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["index", "key"] if with_target else None,
            update_fields=changed,
        )
        ids = list(self._rows(index, using).filter(key__in=list(bodies)).values_list("id", flat=True))
        suggested = {
            word for body in bodies.values() for text in words.names(index, body) for word in words.words(text)
        }
        dialect.written(index, ids, suggested)

    def _row(self, index: SearchDeclaration, key: str, body: Mapping[str, Any], dialect: Dialect) -> SearchDocument:
        by_class = {f"words_{name}": dialect.stored(text) for name, text in words.by_class(index, body).items()}
        names = [word for text in words.names(index, body) for word in words.words(text)]
        return SearchDocument(
            index=index.name,
            key=key,
            language=index.language,
            names=dialect.stored(words.beginning(names, words.MOST_BYTES)[0]),
            popularity=body.get(POPULARITY) or 0,
            body={name: value for name, value in body.items() if name not in (DIGEST, POPULARITY)},
            exact={name: _listed(body.get(name)) for name, field in index.fields.items() if not field.is_text},
            digest=body[DIGEST],
            **by_class,
        )

    # Life of an index

    def begin_rebuild(self, index: SearchDeclaration, *, using: str, identity: str) -> str:
        return IN_PLACE

    def finish_rebuild(self, index: SearchDeclaration, target: str, *, using: str) -> None:
        """Note what has no row, for the flush to remove it: all that has was written anew."""
        last = 0
        while rows := self._rows(index, using).filter(id__gt=last).order_by("id").values_list("id", "key")[:SLICE]:
            part = list(rows)
            last = part[-1][0]
            if gone := without_rows(index, [key for _, key in part], using):
                note(index, gone, using)

    def mend(self, index: SearchDeclaration, *, using: str) -> list[str]:
        dialect = dialect_for(using)
        if problems := dialect.problems():
            with transaction.atomic(using=using):
                dialect.fill()
        return problems

    def purge(self, index: SearchDeclaration, before: datetime, *, using: str) -> int:
        return 0  # what is gone leaves nothing behind

    def refresh(self, index: SearchDeclaration, *, using: str) -> None:
        """Nothing: what was committed is found."""

    # Reading

    def search(self, index: SearchDeclaration, query: Query, *, using: str) -> Page:
        dialect = dialect_for(using)
        wanted = words.words(query.text)
        if query.text and not wanted:
            return Page([], 0, query.page, query.size, {name: [] for name in query.facets})
        return _Search(index, query, dialect, wanted).page()

    def suggest(self, index: SearchDeclaration, prefix: str, *, size: int, using: str) -> list[Suggestion]:
        typed, dialect = words.words(prefix), dialect_for(using)
        if not typed:
            return []
        asked = words.Asked(typed[:-1], typed[-1:])
        found: dict[str, Suggestion] = {}
        to_ask = chain([asked], self._similar(index, asked, dialect))
        while len(found) < size and (one := next(to_ask, None)):
            for suggestion in self._suggest(index, one, size, dialect):
                found.setdefault(words.plain(suggestion.text), suggestion)
        return list(found.values())[:size]

    def _similar(self, index: SearchDeclaration, asked: words.Asked, dialect: Dialect) -> Iterable[words.Asked]:
        """Asked for only when it is needed."""
        if len(asked.last[0]) >= 3:
            yield from dialect.similar_names(index, asked)

    def _suggest(self, index: SearchDeclaration, asked: words.Asked, size: int, dialect: Dialect) -> list[Suggestion]:
        columns = "d.{key}, d.body, d.popularity".format(key=dialect.quote("key"))
        name = dialect.quote("index")
        found: list[Any] = []
        for source, match, enough in dialect.names(index, asked, size):
            found = dialect.rows(
                f"SELECT {columns} FROM {source.sql} WHERE d.{name} = %s AND {match.sql}"
                # Not by an index in this order, with which a planner would read all documents up to some rare ones.
                f" ORDER BY d.popularity + 0 DESC, d.id LIMIT {SPARE * size}",
                [*source.parameters, index.name, *match.parameters],
            )
            if len(found) >= enough:
                break
        return [
            Suggestion(_suggested(index, body, asked), key, float(popularity))
            for key, body, popularity in ((key, _loaded(body), popularity) for key, body, popularity in found)
        ]

    def more_like(self, index: SearchDeclaration, key: str, *, size: int, using: str) -> Page:
        row = self._rows(index, using).filter(key=key).first()
        if row is None:
            return Page([], 0, 1, size)
        told = [word for text in words.by_class(index, row.body).values() for word in text.split()]
        wanted = sorted(dict.fromkeys(told), key=len, reverse=True)[:MOST_WORDS]
        if not wanted:
            return Page([], 0, 1, size)
        asked = _Search(index, Query(size=size), dialect_for(using), wanted, every=False)
        asked.conditions.append(Part("d.id <> %s", [row.pk]))
        return asked.page()

    # Audit

    def stored_after(self, index: SearchDeclaration, key: str | None, size: int, *, using: str) -> list[Stored]:
        rows = self._rows(index, using).order_by("key")
        if key is not None:
            rows = rows.filter(key__gt=key)
        return [Stored(key, 0, digest) for key, digest in rows.values_list("key", "digest")[:size]]

    def how_many(self, index: SearchDeclaration, keys: Sequence[str], *, using: str) -> int:
        return int(self._rows(index, using).filter(key__in=keys).count())

    def stored(self, index: SearchDeclaration, keys: Iterable[str], *, using: str) -> list[Stored]:
        rows = self._rows(index, using).filter(key__in=list(keys))
        return [Stored(key, 0, digest) for key, digest in rows.values_list("key", "digest")]

    # For operators

    def check(self, index: SearchDeclaration) -> list[CheckMessage]:
        vendor = connections[index.alias()].vendor
        if vendor in DIALECTS:
            return []
        sentence = f"{index.label}: there is no search in a database of {vendor}. Set SINK to an engine."
        return [Error(sentence, obj=index.model, id="notifications_counter.E133")]

    def status(self, index: SearchDeclaration, *, using: str) -> dict[str, Any]:
        problems = dialect_for(using).problems()
        found = {"documents": self._rows(index, using).count(), "tombstones": 0}
        return found | ({"problems": problems} if problems else {})


class _Search:
    """One search in SQL."""

    def __init__(
        self, index: SearchDeclaration, query: Query, dialect: Dialect, wanted: Sequence[str], every: bool = True
    ) -> None:
        self.index, self.query, self.dialect, self.wanted = index, query, dialect, wanted
        self.conditions = [Part(f"d.{dialect.quote('index')} = %s", [index.name])]
        self.join, self.score = Part(), Part("0")
        if wanted:
            self.join, match, self.score = dialect.match(index, wanted, every)
            self.conditions.append(match)
        self.conditions += [self._filter(name, given) for name, given in query.filters.items()]

    def _filter(self, name: str, given: Any) -> Part:
        if given is None:
            return self.dialect.is_empty(name)
        if isinstance(given, Mapping):
            return self.dialect.between(name, self.index.fields[name].kind, given)
        values = given if isinstance(given, list) else [given]
        return self.dialect.has(name, values) if values else Part("1 = 0")

    @property
    def _from(self) -> Part:
        conditions = " AND ".join(f"({one.sql})" for one in self.conditions)
        parameters = [*self.join.parameters, *(value for one in self.conditions for value in one.parameters)]
        return Part(f"FROM {self.dialect.table} d {self.join.sql} WHERE {conditions}", parameters)

    def page(self) -> Page:
        source, order = self._from, self._order()
        rows = self.dialect.rows(
            f"SELECT d.{self.dialect.quote('key')}, d.body, {self.score.sql} {source.sql} ORDER BY {order.sql}, d.id"
            f" LIMIT {self.query.size} OFFSET {self.query.offset}",
            [*self.score.parameters, *source.parameters, *order.parameters],
        )
        total = self.dialect.rows(f"SELECT count(*) {source.sql}", source.parameters)[0][0]
        facets = {name: self._facet(name) for name in self.query.facets}
        hits = [self._hit(key, _loaded(body), float(score or 0)) for key, body, score in rows]
        return Page(hits, total, self.query.page, self.query.size, facets)

    def _order(self) -> Part:
        if self.query.order is None:
            return Part(f"{self.score.sql} DESC", self.score.parameters) if self.wanted else Part("d.popularity DESC")
        name = self.query.order.removeprefix("-")
        first = self.dialect.first(name, self.index.fields[name].kind)
        direction = "DESC" if self.query.order.startswith("-") else "ASC"
        return Part(f"CASE WHEN {first} IS NULL THEN 1 ELSE 0 END, {first} {direction}")

    def _facet(self, name: str) -> list[tuple[Any, int]]:
        kind, source = self.index.fields[name].kind, self._from
        join, value = self.dialect.each(name, kind)
        sql = source.sql.replace(" WHERE ", f" {join} WHERE ", 1)
        found = self.dialect.rows(
            f"SELECT {value}, count(*) {sql} GROUP BY {value} ORDER BY count(*) DESC, {value} LIMIT {MOST_VALUES}",
            source.parameters,
        )
        return [(self.dialect.read(value, kind), number) for value, number in found]

    def _hit(self, key: str, body: dict[str, Any], score: float) -> Hit:
        marked = {}
        if self.query.highlight and self.wanted:
            stems = self.index.language != "simple"
            for name, field in self.index.fields.items():
                texts = words.texts(body.get(name)) if field.is_text else []
                if found := [one for text in texts for one in words.passages(text, self.wanted, stems)]:
                    marked[name] = found
        return Hit(key, body, score, marked)


def _suggested(index: SearchDeclaration, body: Mapping[str, Any], asked: words.Asked) -> str:
    """Of the texts of a document that are suggested the one that was found."""
    texts = words.names(index, body)
    return next((text for text in texts if asked.fits(text)), texts[0] if texts else "")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return [one for one in value if one is not None] if isinstance(value, list) else [value]


def _loaded(body: Any) -> dict[str, Any]:
    """A body as Python has it: some drivers give JSON as a text."""
    if isinstance(body, str | bytes):
        return json.loads(body)  # type: ignore[no-any-return]
    return body  # type: ignore[no-any-return]
