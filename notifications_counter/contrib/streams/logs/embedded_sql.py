"""The statements of the embedded log that must be quick."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..models import Message, Partition, Topic
from .base import Headers, Outgoing, Record, Records

COLUMNS = ("partition_id", "offset", "key", "value", "timestamp", "headers")
#: Of the arrays in which PostgreSQL takes them.
TYPES = ("bigint", "bigint", "text", "bytea", "bigint", "text")


#: A message as the database gives it, without its partition.
Row = tuple[int, str | None, Any, int, str]


class RowRecords(Records[Row]):
    """Messages as rows."""

    def record(self, one: Row) -> Record:
        offset, key, value, timestamp, headers = one
        return Record(offset, key, bytes_of(value), timestamp, parsed(headers) if headers else ())

    def key_counts(self) -> Mapping[str | None, int]:
        return Counter(map(itemgetter(1), self.raw))

    def values(self) -> list[bytes | None]:
        return [bytes_of(row[2]) for row in self.raw]


def bytes_of(value: Any) -> bytes | None:
    """A value as bytes, whatever the driver has made of it."""
    return value if value is None or type(value) is bytes else bytes(value)


def locked(rows: Any) -> Any:
    """Rows that are locked as soon as they are read, in their order, until the open transaction ends."""
    if connections[rows.db].features.has_select_for_update:
        of_self = connections[rows.db].features.has_select_for_update_of
        return rows.select_for_update(of=("self",) if of_self else ())
    # SQLite has one lock for all, which a transaction has from its first write on.
    connection, meta = connections[rows.db], rows.model._meta
    table, column = connection.ops.quote_name(meta.db_table), connection.ops.quote_name(meta.pk.column)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = {column} WHERE 1 = 0")
    return rows


def move_ends(connection: BaseDatabaseWrapper, ends: Mapping[int, int]) -> None:
    """Set the ends of locked partitions, by their primary keys."""
    quote = connection.ops.quote_name
    cases = " ".join(["WHEN %s THEN %s"] * len(ends))
    places = ", ".join(["%s"] * len(ends))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(Partition._meta.db_table)} SET {quote('end')} = CASE id {cases} END WHERE id IN ({places})",
            [*(number for pair in ends.items() for number in pair), *ends],
        )


def insert(connection: BaseDatabaseWrapper, rows: Sequence[tuple[int, int, Outgoing]]) -> None:
    """Insert messages, each with its partition's primary key and its offset."""
    quote = connection.ops.quote_name
    into = f"INSERT INTO {quote(Message._meta.db_table)} ({', '.join(map(quote, COLUMNS))})"
    values = [
        (id, offset, one.key, one.value, one.timestamp, written(one.headers) if one.headers else "")
        for id, offset, one in rows
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and len(values) > 1:
            arrays = ", ".join(f"%s::{kind}[]" for kind in TYPES)
            cursor.execute(
                f"{into} SELECT * FROM unnest({arrays})", [list(column) for column in zip(*values, strict=True)]
            )
        else:
            cursor.executemany(f"{into} VALUES (%s, %s, %s, %s, %s, %s)", values)


def partitions(connection: BaseDatabaseWrapper, topic: str) -> list[tuple[int, int, int, int, str]]:
    """Of each partition the number, the primary key, the end, the begin and the topic's identity."""
    quote = connection.ops.quote_name
    columns = ", ".join(f"p.{quote(name)}" for name in ("number", "id", "end", "begin"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns}, t.uid FROM {quote(Partition._meta.db_table)} p"
            f" JOIN {quote(Topic._meta.db_table)} t ON t.id = p.topic_id WHERE t.name = %s ORDER BY p.number",
            [topic],
        )
        return list(cursor.fetchall())


def read(connection: BaseDatabaseWrapper, partition: int, offset: int, limit: int) -> Records[Row]:
    """The messages of a partition from an offset on, as far as they follow one another."""
    quote = connection.ops.quote_name
    columns = ", ".join(quote(name) for name in COLUMNS[1:])
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM {quote(Message._meta.db_table)} WHERE {quote('partition_id')} = %s"
            f" AND {quote('offset')} >= %s AND {quote('offset')} < %s ORDER BY {quote('offset')}",
            [partition, offset, offset + limit],
        )
        return RowRecords(cursor.fetchall())


def written(headers: Headers) -> str:
    """Headers as JSON."""
    return json.dumps([(name, value.decode("latin-1")) for name, value in headers])


def parsed(text: str) -> Headers:
    """Headers from JSON."""
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(text))
