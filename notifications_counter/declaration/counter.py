"""The declaration of a counter: its source, its key, its condition, its field."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Q

from ..exceptions import InvalidSettings
from . import conditions
from .amounts import Amounts, DecimalAmounts, plain_column
from .keys import KeyConverter

#: How a counter may learn of changes.
CAPTURES = ("signals", "triggers")


class CounterDeclaration:
    """What a counter declares; see ``Counter``, which has the operations too."""

    model: type[models.Model]
    name: str

    def __init__(
        self,
        source: type[models.Model] | str | None = None,
        key: str | Sequence[str] | None = None,
        filter: Q | None = None,
        field: str | None = None,
        *,
        sum: str | None = None,
        using: str | None = None,
        buffer: str = "default",
        capture: str = "signals",
    ) -> None:
        self.declared_source = source
        self.declared_field = field
        self.source_key = key
        self.filter = Q() if filter is None else filter
        self.sum = sum
        self.using = using
        self.buffer_alias = buffer
        self.capture = capture
        #: For the check of moments that were worked out together with it.
        self.declared_at = datetime.now(UTC)

    def __repr__(self) -> str:
        return f"<Counter {self.label}>" if hasattr(self, "model") else "<Counter>"

    def contribute_to_class(self, cls: type[models.Model], name: str) -> None:
        self.name = name
        setattr(cls, name, self)

    @cached_property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.name}"

    @cached_property
    def source(self) -> type[models.Model] | None:
        """The model whose rows are counted; of a proxy the one that it stands for.

        Raises:
            LookupError: there is no such model.
        """
        source = self.declared_source
        if isinstance(source, str):
            source = self.model._meta.apps.get_model(source)
        if isinstance(source, type) and issubclass(source, models.Model):
            return source._meta.concrete_model or source
        return source

    @cached_property
    def field(self) -> models.Field[Any, Any]:
        """The field of the count model that holds the counts: an integer, or for sums of decimals a decimal.

        Raises:
            InvalidSettings: there is no such field, none, or more than one to choose from.
        """
        if self.declared_field is not None:
            try:
                return conditions.column(self.model, self.declared_field)
            except FieldDoesNotExist as error:
                raise InvalidSettings(f"{self.label}: {error}.") from None
        found = [f for f in self.model._meta.concrete_fields if self._may_hold_count(f)]
        if len(found) != 1:
            names = ", ".join(field.name for field in found) or "none"
            kind = "integer" if self.sum is None else "integer or decimal"
            raise InvalidSettings(
                f"{self.label}: the count model needs one {kind} field or field=..., it has: {names}."
            )
        return found[0]

    def _may_hold_count(self, field: models.Field[Any, Any]) -> bool:
        kinds = (models.IntegerField,) if self.sum is None else (models.IntegerField, models.DecimalField)
        return isinstance(field, kinds) and field not in self.model._meta.pk_fields

    @cached_property
    def amounts(self) -> Amounts:
        """How what a row adds is written as an integer."""
        column = self.summed_column
        if isinstance(column, models.DecimalField) and isinstance(self.field, models.DecimalField):
            return DecimalAmounts(self.label, int(self.field.decimal_places or 0), int(column.decimal_places or 0))
        return Amounts(self.label)

    @property
    def summed_column(self) -> models.Field[Any, Any] | None:
        """The source's column whose values are added; None where rows or events are counted.

        Raises:
            FieldDoesNotExist: there is no such column.
        """
        if self.sum is None or self.source is None:
            return None
        return plain_column(conditions.column(self.source, self.sum))

    @property
    def source_keys(self) -> list[str]:
        """The names of the source's columns that make up the key, as they are declared; none without a source."""
        declared = self.source_key
        if isinstance(declared, str):
            return [declared]
        return list(declared) if isinstance(declared, tuple | list) else []  # an F() could be iterated over for ever

    def key_text(self, key: Any) -> str:
        """A key, or the instance that it identifies, as the text under which buffers know it.

        Raises:
            InvalidKey: it cannot be a key of this counter.
        """
        return self.keys.text(key)

    @cached_property
    def keys(self) -> KeyConverter:
        """What converts keys."""
        return KeyConverter(self.label, list(self.model._meta.pk_fields), self._key_columns())

    def _key_columns(self) -> list[models.Field[Any, Any]]:
        """The source's columns that make up the key; none where they are not what is declared, as checks say."""
        try:
            source: Any = self.source
            return [conditions.column(source, name) for name in self.source_keys] if source else []
        except (AttributeError, FieldDoesNotExist, LookupError, TypeError, ValueError):
            return []
