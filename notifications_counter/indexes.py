"""An index that is partial where the database knows such indexes, and covers the condition's column where not."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q


class PartialIndex(models.Index):
    """An index over ``fields`` of the rows where ``column`` has one value.

    A plain ``models.Index`` with a condition does the first half; MariaDB and MySQL then ignore the condition, warn
    of it at every check, and read the rows of both kinds. Here they get an index over ``fields`` and ``column``.

    Args:
        fields: the names of the fields to be indexed.
        column: the field that the condition is about.
        value: the value of that field in the rows to be indexed.
        name: the index's name in the database.
    """

    def __init__(self, *, fields: list[str], column: str, value: Any, name: str) -> None:
        super().__init__(fields=fields, name=name)
        self.column = column
        self.value = value

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        plain = self._plain(schema_editor.connection.features.supports_partial_indexes)
        return plain.create_sql(model, schema_editor, using, **kwargs)

    def _plain(self, partial: bool) -> models.Index:
        if partial:
            return models.Index(fields=self.fields, name=self.name, condition=Q(**{self.column: self.value}))
        return models.Index(fields=[*self.fields, self.column], name=self.name)

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "column": self.column, "value": self.value}
