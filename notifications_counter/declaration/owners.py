"""Whose count it is: which instances may be given instead of a key, which attribute of theirs is the key, and whether
there is such a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import models, router

from ..exceptions import InvalidKey, quoted


class Owners:
    """The models whose instances identify a value of one column of a key.

    An instance of any other model has a primary key too, but that is somebody else's.

    Args:
        label: the counter's label, for messages.
        column: the column of the count model.
        of_source: the column of the source that says the same of a row; None where that is not known.
    """

    def __init__(
        self, label: str, column: models.Field[Any, Any], of_source: models.Field[Any, Any] | None = None
    ) -> None:
        self.label = label
        self.own = column
        referred = list(_referred(column)) or ([] if of_source is None else list(_referred(of_source)))
        if not referred and of_source is not None and of_source.primary_key:
            referred = [(of_source.model, of_source)]
        self._needed = _needed(column, of_source)
        #: Model -> the field of it that holds the key: what the column refers to, and what that refers to in turn.
        self.fields = dict(referred)

    def field_of(self, model: type[models.Model]) -> models.Field[Any, Any] | None:
        """The field of a model's instances that holds the key; None where it is not theirs to tell."""
        concrete = model._meta.concrete_model or model
        for base, field in [(self.own.model, self.own), *self.fields.items()]:
            if issubclass(concrete, base._meta.concrete_model or base):
                return field
        return None

    def needed(self, using: str) -> models.Field[Any, Any] | None:
        """The column in which a key must be found for a count row to be made.

        Args:
            using: the database alias.

        Returns:
            None where keys refer to nothing, or to a table of another database.
        """
        if self._needed is None or not _is_beside(self._needed.model, self.own.model, using):
            return None
        return self._needed

    def value_of(self, instance: models.Model) -> Any:
        """The value that an instance identifies.

        Raises:
            InvalidKey: it is of another model, or not saved yet.
        """
        field = self.field_of(instance._meta.model)
        if field is None:
            raise InvalidKey(f"{_instance(instance)} cannot be a key of {self.label}. {self._wanted()}")
        value = getattr(instance, field.attname)
        if value is None:
            said = f"{_instance(instance)} cannot be a key of {self.label}: its {field.attname!r} is None"
            raise InvalidKey(f"{said}, because it has not been saved." if field.primary_key else f"{said}.")
        return value

    def refuse_nobody(self, given: Any) -> None:
        """Refuse what stands for nobody.

        Raises:
            InvalidKey: it is None, or the user of a request of whom nobody knows who it is.
        """
        if given is None:
            raise InvalidKey(f"None cannot be a key of {self.label}: it belongs to nobody. {self._wanted()}")
        if getattr(given, "is_anonymous", False) is True:
            raise InvalidKey(
                f"An anonymous user cannot be a key of {self.label}: nobody is logged in. Ask is_authenticated first."
            )

    def _wanted(self) -> str:
        names = [model._meta.label for model in self.fields]
        return f"Give a key, or an instance of {' or '.join(names)}." if names else "Give the key itself."


def _referred(column: models.Field[Any, Any]) -> Iterator[tuple[type[models.Model], models.Field[Any, Any]]]:
    """The models that a relation refers to, one through the other, each with the field that is referred to."""
    while column.remote_field is not None:
        column = column.target_field  # type: ignore[attr-defined]
        yield column.model, column


def _needed(column: models.Field[Any, Any], of_source: models.Field[Any, Any] | None) -> models.Field[Any, Any] | None:
    """What a column refers to; without a constraint, what the source refers to as well.

    Not every user that has rows may have a profile, or be one of a model's children, already.
    """
    referred = [field for _, field in _referred(column)]
    if not referred or of_source is None or getattr(column, "db_constraint", True):
        return next(iter(referred), None)
    of_rows = [of_source, *(field for _, field in _referred(of_source))]
    return next((field for field in referred if field in of_rows), referred[0])


def _is_beside(model: type[models.Model], other: type[models.Model], using: str) -> bool:
    """Whether a model's rows are in the database in which a count model has its rows."""
    is_written_there = router.db_for_write(model) == router.db_for_write(other)
    return is_written_there and router.allow_migrate_model(using, model)


def _instance(instance: models.Model) -> str:
    """Not as it shows itself, which may ask the database or tell what is nobody's business."""
    return f"An instance of {instance._meta.label} (primary key {quoted(instance.pk)})"
