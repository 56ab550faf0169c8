"""Which rows of a source count, and for which key, as SQL that can stand in a trigger.

The condition is the ``WHERE`` that Django makes for ``queryset.filter(condition)``, with the table's name replaced by
that of a row of the trigger: what it says of NULL is what the queryset says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col
from django.db.models.sql.where import WhereNode

from ...declaration import conditions
from ...declaration.counter import CounterDeclaration
from ...declaration.digest import digest_of
from ...declaration.key_text import joined_sql
from ...dialects import dialect_of
from ...ledger.tables import Delta


@dataclass(frozen=True)
class Operand:
    """A value, and the column that a condition compares with it."""

    value: Any
    column: models.Field[Any, Any]


class Counted:
    """One counter's rows, in the SQL of one connection.

    Attributes:
        table: the source's table, unquoted.
        keys: the source's columns that make up the key.
        amount: the source's column whose values are summed; None where rows are counted.
    """

    def __init__(self, counter: CounterDeclaration, connection: BaseDatabaseWrapper) -> None:
        assert counter.source is not None
        self.counter = counter
        self.connection = connection
        self.model = concrete(counter.source)
        self.table = self.model._meta.db_table
        self.keys = [conditions.column(counter.source, name) for name in counter.source_keys]
        self.amount = None if counter.sum is None else conditions.column(counter.source, counter.sum)

    def quote(self, name: str) -> str:
        return self.connection.ops.quote_name(name)

    def literal(self, value: Any) -> str:
        """A value as it is written in SQL."""
        self.connection.ensure_connection()
        editor = self.connection.schema_editor()
        quoted = str(editor.quote_value(value))
        # Some versions of Django double the percent signs, for a later step that does not follow here.
        if isinstance(value, str) and "%%" in str(editor.quote_value("%")):
            return quoted.replace("%%", "%")
        return quoted

    @property
    def label(self) -> str:
        return self.literal(self.counter.label)

    @property
    def declaration(self) -> str:
        """The digest by which the deltas are known as counted by this declaration, though another one may follow."""
        return self.literal(digest_of(self.counter))

    @property
    def delta_table(self) -> str:
        return Delta._meta.db_table

    @property
    def delta_columns(self) -> str:
        return ", ".join(map(self.quote, ("counter", "key", "amount", "declaration")))

    @property
    def where(self) -> WhereNode:
        assert self.counter.source is not None
        return self.counter.source._base_manager.filter(self.counter.filter).query.where

    @cached_property
    def fields(self) -> list[models.Field[Any, Any]]:
        """The columns that say whether, for whom and by how much a row counts."""
        found = {*self.keys, *(column.target for column in columns(self.where))}
        if self.amount is not None:
            found.add(self.amount)
        return sorted(found, key=lambda field: str(field.column))

    def columns_of(self, row: str) -> list[str]:
        """The columns of the key in a row of the trigger."""
        return [f"{self.quote(row)}.{self.quote(key.column or '')}" for key in self.keys]

    def text_of(self, row: str, part: Callable[[models.Field[Any, Any], str], str]) -> str:
        """The key in a row of the trigger as text.

        Args:
            row: the row.
            part: gives the SQL for the text of one column.
        """
        texts = [part(key, column) for key, column in zip(self.keys, self.columns_of(row), strict=True)]
        return joined_sql(texts, dialect_of(self.connection))

    def units_of(self, row: str) -> str:
        """By how much a row of the trigger counts that does."""
        if self.amount is None:
            return "1"
        column = f"{self.quote(row)}.{self.quote(self.amount.column or '')}"
        return f"COALESCE({self.counter.amounts.column_units(column, dialect_of(self.connection))}, 0)"

    def counts(self, row: str) -> str:
        """The condition that a row of the trigger counts; NULL, too, says that it does not."""
        has_key = " AND ".join(f"{column} IS NOT NULL" for column in self.columns_of(row))
        return f"({self._condition(row)} AND {has_key})"

    def _condition(self, row: str) -> str:
        assert self.counter.source is not None
        query = self.counter.source._base_manager.all().query
        compiler = query.get_compiler(connection=self.connection)
        compiler.compile = _noting_columns(compiler.compile)
        try:
            sql, parameters = self.where.relabeled_clone({self.table: row}).as_sql(compiler, self.connection)
        except EmptyResultSet:
            return "(1 = 0)"
        except FullResultSet:
            return "(1 = 1)"
        return f"({sql % tuple(map(self._operand, parameters))})" if sql else "(1 = 1)"

    def _operand(self, parameter: Any) -> str:
        if not isinstance(parameter, Operand):
            return self.literal(parameter)
        value, column_type = parameter.value, parameter.column.db_type(self.connection) or ""
        return dialect_of(self.connection).operand(self.literal(value), value, column_type)


def _noting_columns(compile: Callable[[Any], tuple[str, Any]]) -> Callable[[Any], tuple[str, Any]]:
    """Note with each parameter of a comparison which column it is for."""

    def noting(node: Any) -> tuple[str, Any]:
        sql, parameters = compile(node)
        column = getattr(getattr(node, "lhs", None), "target", None)
        return sql, parameters if column is None else [Operand(value, column) for value in parameters]

    return noting


def concrete(model: type[models.Model]) -> type[models.Model]:
    """The model whose table a model or a proxy uses."""
    return model._meta.concrete_model or model


def columns(expression: Any) -> Iterator[Col]:
    """The columns that an expression reads."""
    if isinstance(expression, Col):
        yield expression
        return
    for part in expression.get_source_expressions():
        if hasattr(part, "get_source_expressions"):
            yield from columns(part)
