"""Which tables a database alias has."""

from __future__ import annotations

from functools import cached_property

from django.db import connections, models, router

from ..declaration.counter import CounterDeclaration
from ..declaration.problems import is_usable
from ..declaration.registry import declarations


class Tables:
    """The tables of one database alias, looked up once."""

    def __init__(self, using: str) -> None:
        self.using = using

    @cached_property
    def names(self) -> set[str]:
        return set(connections[self.using].introspection.table_names())

    def has(self, *wanted: type[models.Model]) -> bool:
        """Whether the tables of all these models belong here, and are here."""
        return all(
            router.allow_migrate_model(self.using, model) and model._meta.db_table in self.names for model in wanted
        )

    def counters(self) -> list[CounterDeclaration]:
        """The counters that can be used, and whose tables are all here."""
        return [
            counter
            for counter in declarations()
            if counter.using in (None, self.using)
            and is_usable(counter)
            and self.has(counter.model, *([counter.source] if counter.source else []))
        ]
