"""What a notification is about: of notifications that are shown together, the first that is asked for brings all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import models
from django.db.models import prefetch_related_objects

#: On an instance: those that are shown with it, itself among them.
ATTRIBUTE = "_shown_together"


def fetch_together(instances: Sequence[models.Model]) -> None:
    """Fetch the targets of all of these by one query for each of their models, when the first of that is asked for.

    Until then it costs nothing. Django's ``FETCH_PEERS`` does the same from 6.1 on.

    Args:
        instances: of one model, which has a ``TargetField``.
    """
    for instance in instances:
        setattr(instance, ATTRIBUTE, instances)


class TargetField(GenericForeignKey):
    """A generic foreign key that knows of ``fetch_together``."""

    def contribute_to_class(self, cls: type[models.Model], name: str, *args: Any, **kwargs: Any) -> None:
        super().contribute_to_class(cls, name, *args, **kwargs)
        setattr(cls, name, _Target(self, vars(cls)[name]))


class _Target:
    """The attribute of the model, around Django's own."""

    def __init__(self, field: TargetField, own: Any) -> None:
        self.field = field
        self.own = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        together = vars(instance).get(ATTRIBUTE)
        if together is not None and not self.field.is_cached(instance):
            self._fetch(instance, together)
        return self.own.__get__(instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        self.own.__set__(instance, value)

    def _fetch(self, instance: Any, together: Iterable[Any]) -> None:
        """Those whose target is of the same model and has not been fetched: no other model can fail with it."""
        kind = self.field.model._meta.get_field(self.field.ct_field).attname
        wanted = getattr(instance, kind)
        same = [one for one in together if getattr(one, kind) == wanted and not self.field.is_cached(one)]
        if wanted is not None and self._is_gone(instance, wanted):
            for one in same:
                self.field.set_cached_value(one, None)
        else:
            prefetch_related_objects(same, self.field.name)

    def _is_gone(self, instance: Any, kind: Any) -> bool:
        """Whether the site has no such model any more, of which Django would raise an error."""
        return self.field.get_content_type(id=kind, using=instance._state.db).model_class() is None
