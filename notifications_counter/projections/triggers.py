"""Database triggers that note which documents are outdated, whoever changes the rows: raw SQL and other programs too.

Their names begin with ``nc_documents_``, followed by a digest of the projection and one of what they do, so that those
of a declaration that has changed are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..declaration import key_text
from ..dialects import dialect_of
from .declaration import Projection, projections
from .tables import OutdatedDocuments

PREFIX = "nc_documents_"
NAME = re.compile(rf"{PREFIX}[0-9a-f]{{8}}_[0-9a-f]{{8}}_[0-9]+_[a-z]{{3}}")

EVENTS = ("INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True)
class Watched:
    """A table of which changes are noted.

    Attributes:
        model: the model whose table it is.
        columns: the columns that matter.
        key: the columns whose values are noted.
        lookup: as in ``OutdatedDocuments``.
    """

    model: type[models.Model]
    columns: tuple[str, ...]
    key: tuple[str, ...]
    lookup: str = ""


def watched(projection: Projection) -> Iterator[Watched]:
    """The tables whose changes a projection follows."""
    model = projection.model
    yield Watched(model, _columns(model, projection.columns()), _primary_key(model))
    for link, names in projection.links():
        key = next(str(one.column) for one in link.model._meta.concrete_fields if one.attname == link.attname)
        yield Watched(link.model, tuple(dict.fromkeys((key, *_columns(link.model, names)))), (key,), link.lookup)


def _primary_key(model: type[models.Model]) -> tuple[str, ...]:
    fields: Sequence[Any] = getattr(model._meta, "pk_fields", None) or [model._meta.pk]
    return tuple(field.column for field in fields)


def _columns(model: type[models.Model], names: Iterable[str]) -> tuple[str, ...]:
    wanted = set(names)
    return tuple(
        field.column
        for field in model._meta.local_concrete_fields
        if field.column and (field.name in wanted or field.attname in wanted)
    )


class DocumentTriggers:
    """The triggers of all projections on one database alias."""

    def __init__(self, using: str) -> None:
        self.using, self.connection = using, connections[using]
        self.dialect = DIALECTS.get(self.connection.vendor)

    def wanted(self) -> dict[str, tuple[str, Projection]]:
        """Name -> what creates it, and for which projection."""
        found = dict[str, tuple[str, Projection]]()
        tables = set(self.connection.introspection.table_names())
        for projection in projections():
            if projection.capture == "triggers" and projection.using in (None, self.using) and self.dialect:
                for place, one in enumerate(watched(projection)):
                    if one.model._meta.db_table in tables:
                        found |= {name: (sql, projection) for name, sql in self._parts(projection, place, one)}
        return found

    def missing(self) -> list[Projection]:
        """The projections that have not all of their triggers."""
        there = {name for name, _ in self._installed()}
        found = {projection for name, (_, projection) in self.wanted().items() if name not in there}
        return sorted(found, key=lambda one: one.label)

    def install(self) -> list[Projection]:
        """Make the triggers what is declared; the projections of which one was made."""
        wanted, made = self.wanted(), set()
        with transaction.atomic(using=self.using):
            there = self._installed()
            self._drop(one for one in there if one[0] not in wanted)
            names = {name for name, _ in there}
            for name, (sql, projection) in wanted.items():
                if name not in names:
                    self._execute(sql)
                    made.add(projection)
        return sorted(made, key=lambda one: one.label)

    def make_way(self, plan: Iterable[Any]) -> None:
        """Drop the triggers on tables of apps that migrations are about to change."""
        apps = {migration.app_label for migration, _ in plan}
        tables = {
            one.model._meta.db_table
            for projection in projections()
            if projection.capture == "triggers"
            for one in watched(projection)
            if one.model._meta.app_label in apps
        }
        if tables and self.dialect:
            self._drop(one for one in self._installed() if not one[1] or one[1] in tables)

    def _parts(self, projection: Projection, place: int, one: Watched) -> Iterator[tuple[str, str]]:
        assert self.dialect is not None
        make = self.dialect(self.connection, projection.label, one)
        said = "".join(make.sql(f"{PREFIX}x", event) for event in make.events)
        stem = f"{PREFIX}{_digest(projection.label)}_{_digest(said)}_{place}"
        for event in make.events:
            name = f"{stem}_{event[:3].lower()}"
            yield name, make.sql(name, event)

    def _installed(self) -> list[tuple[str, str]]:
        """Name and table of what there is, triggers first."""
        if self.dialect is None:
            return []
        with self.connection.cursor() as cursor:
            cursor.execute(self.dialect.INSTALLED)
            return [(name, table) for name, table in cursor.fetchall() if NAME.fullmatch(name)]

    def _drop(self, found: Iterable[tuple[str, str]]) -> None:
        assert self.dialect is not None
        for name, table in found:
            self._execute(self.dialect.drop(self.connection, name, table))

    def _execute(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=4).hexdigest()


class _Dialect:
    """How one database is told."""

    INSTALLED = ""
    events: tuple[str, ...] = EVENTS
    array, text = "", "TEXT"

    def __init__(self, connection: BaseDatabaseWrapper, label: str, one: Watched) -> None:
        self.connection, self.one, self.quote = connection, one, connection.ops.quote_name
        self.given = f"'{_literal(label)}', '{_literal(one.lookup)}'"
        quoted = ", ".join(map(self.quote, ("projection", "lookup", "keys", "size")))
        self.into = f"INSERT INTO {self.quote(OutdatedDocuments._meta.db_table)} ({quoted})"

    def sql(self, name: str, event: str) -> str:
        rows = {"INSERT": ["NEW"], "UPDATE": ["OLD", "NEW"], "DELETE": ["OLD"]}[event]
        # Of an update both are noted: the row may have left one for another.
        condition = f"({' OR '.join(map(self.differs, self.one.columns))})" if event == "UPDATE" else "1 = 1"
        notes = " ".join(self.note(row, condition) for row in rows)
        head = f"CREATE TRIGGER {self.quote(name)} AFTER {event} ON {self.quote(self.one.model._meta.db_table)}"
        return f"{head} FOR EACH ROW BEGIN {notes} END"

    def note(self, row: str, condition: str) -> str:
        noted = f"{self.given}, {self.array}({self.key(row)}), 1"
        return f"{self.into} SELECT {noted} FROM (SELECT 1) AS one WHERE {self.key(row)} IS NOT NULL AND {condition};"

    def key(self, row: str) -> str:
        texts = [f"CAST({row}.{self.quote(column)} AS {self.text})" for column in self.one.key]
        return key_text.joined_sql(texts, dialect_of(self.connection))

    def differs(self, column: str) -> str:
        raise NotImplementedError

    @staticmethod
    def drop(connection: BaseDatabaseWrapper, name: str, table: str) -> str:
        return f"DROP TRIGGER IF EXISTS {connection.ops.quote_name(name)}"


class _SQLite(_Dialect):
    INSTALLED = f"SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '{PREFIX}%'"
    array = "json_array"

    def differs(self, column: str) -> str:
        return f"OLD.{self.quote(column)} IS NOT NEW.{self.quote(column)} COLLATE BINARY"


class _MySQL(_Dialect):
    INSTALLED = (
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS"
        f" WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE '{PREFIX}%'"
    )
    array, text = "JSON_ARRAY", "CHAR"

    def differs(self, column: str) -> str:
        old, new = (f"CAST({row}.{self.quote(column)} AS BINARY)" for row in ("OLD", "NEW"))
        return f"NOT ({old} <=> {new})"


class _PostgreSQL(_Dialect):
    """One trigger for each statement, which notes all of its rows at once."""

    INSTALLED = (
        "SELECT t.tgname, t.tgrelid::regclass::text FROM pg_catalog.pg_trigger t"
        f" WHERE t.tgname LIKE '{PREFIX}%' AND t.tgparentid = 0 AND t.tgenabled IN ('O', 'A')"
        " UNION ALL SELECT p.proname, '' FROM pg_catalog.pg_proc p"
        f" WHERE p.proname LIKE '{PREFIX}%' AND pg_catalog.pg_function_is_visible(p.oid)"
    )
    events = ("FUNCTION", *EVENTS, "TRUNCATE")
    SEEN = {
        "INSERT": "REFERENCING NEW TABLE AS nc_new",
        "UPDATE": "REFERENCING OLD TABLE AS nc_old NEW TABLE AS nc_new",
        "DELETE": "REFERENCING OLD TABLE AS nc_old",
        "TRUNCATE": "",
    }

    def sql(self, name: str, event: str) -> str:
        function = self.quote(f"{name.rpartition('_')[0]}_fun")
        if event == "FUNCTION":
            return self._function(function)
        when = "BEFORE" if event == "TRUNCATE" else "AFTER"
        table = self.quote(self.one.model._meta.db_table)
        return (
            f"CREATE TRIGGER {self.quote(name)} {when} {event} ON {table} {self.SEEN[event]}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )

    def _function(self, name: str) -> str:
        table = self.quote(self.one.model._meta.db_table)
        return (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $nc_documents$ BEGIN"
            f" IF TG_OP = 'INSERT' THEN {self._all('nc_new')}"
            f" ELSIF TG_OP = 'DELETE' THEN {self._all('nc_old')}"
            f" ELSIF TG_OP = 'TRUNCATE' THEN {self._all(table)}"
            f" ELSE {self._changed()}"
            " END IF; RETURN NULL; END $nc_documents$"
        )

    def _all(self, rows: str) -> str:
        return self._insert(f"SELECT {self.key('r')} AS k FROM {rows} r")

    def _changed(self) -> str:
        """Rows that are not what they were, by the keys of before and of now."""
        same = " AND ".join(f"o.{one} = n.{one}" for one in map(self.quote, _primary_key(self.one.model)))
        columns = [self.quote(one) for one in dict.fromkeys((*self.one.key, *self.one.columns))]
        old, new = (f"ROW({', '.join(f'{row}.{one}' for one in columns)})::record" for row in "on")
        # Byte by byte, as every type can be compared: what a collation calls equal may differ. Without the type, two
        # ROWs would be compared column by column, for which there is no such operator. A row whose primary key has
        # changed is one that has gone and one that has come.
        return self._insert(
            f"SELECT c.k FROM nc_old o FULL JOIN nc_new n ON {same}"
            f" CROSS JOIN LATERAL (VALUES ({self.key('o')}), ({self.key('n')})) c (k) WHERE {old} *<> {new}"
        )

    def _insert(self, keys: str) -> str:
        return (
            f"{self.into} SELECT {self.given}, json_agg(s.k)::text, count(*) FROM (SELECT DISTINCT k FROM ({keys}) d"
            " WHERE k IS NOT NULL) s HAVING count(*) > 0;"
        )

    @staticmethod
    def drop(connection: BaseDatabaseWrapper, name: str, table: str) -> str:
        quoted = connection.ops.quote_name(name)
        # What regclass gives is quoted where it must be.
        return f"DROP TRIGGER IF EXISTS {quoted} ON {table}" if table else f"DROP FUNCTION IF EXISTS {quoted}()"


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "''")


DIALECTS: dict[str, type[_Dialect]] = {"sqlite": _SQLite, "mysql": _MySQL, "postgresql": _PostgreSQL}
