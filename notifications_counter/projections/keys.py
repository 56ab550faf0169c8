"""Primary keys of any model as texts, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models

from ..declaration import canonical, key_text
from ..declaration.keys import target


class PrimaryKey:
    """The primary key of a model.

    Args:
        model: the model; its key may be composite, or a relation.
    """

    def __init__(self, model: type[models.Model]) -> None:
        fields: Sequence[Any] = getattr(model._meta, "pk_fields", None) or [model._meta.pk]
        self.fields = [target(field) for field in fields]

    def text(self, value: Any) -> str:
        """A key as text."""
        if len(self.fields) == 1:
            return canonical.text(value)
        return key_text.join(canonical.text(part) for part in value)

    def value(self, text: str) -> Any:
        """A key as Python has it, of its text.

        Raises:
            ValueError, ValidationError: it is no text of such a key.
        """
        if len(self.fields) == 1:
            return self.fields[0].to_python(text)
        parts = key_text.split(text, len(self.fields))
        return tuple(field.to_python(part) for field, part in zip(self.fields, parts, strict=True))
