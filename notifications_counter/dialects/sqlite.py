"""SQLite."""

from __future__ import annotations

import json
from typing import Any

from django.db import Error as DatabaseError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F

from .base import DISK_FULL, CountTable, Dialect, Sums


class SQLite(Dialect):
    """SQLite: JSON carries many values as one parameter; there are no row locks, and no codes of failures."""

    advice = {
        "attempt to write a readonly database": "It is read-only: make it writable.",
        "database or disk is full": DISK_FULL,
    }

    def lock(self, rows: models.QuerySet[Any], column: str) -> models.QuerySet[Any]:
        # An update that changes nothing takes the write lock of the database before anything is read.
        models.QuerySet.update(rows.order_by(), **{column: F(column)})
        return rows

    def add_sums(self, connection: BaseDatabaseWrapper, table: CountTable, sums: Sums) -> None:
        given = "(SELECT json_extract(value, '$[0]') AS k, json_extract(value, '$[1]') AS a FROM json_each(%s)) d"
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table.name} ({table.columns}) SELECT d.k, d.a{table.default_places} FROM {given}"
                f" WHERE {table.row_exists()} OR {table.owner_exists()} ORDER BY d.k"
                f" ON CONFLICT ({table.pk}) DO UPDATE SET {table.amount} = {table.amount} + excluded.{table.amount}",
                [*table.defaults, json.dumps(sums)],
            )

    def may_pass(self, error: DatabaseError) -> bool:
        return super().may_pass(error) and "locked" in str(error)
