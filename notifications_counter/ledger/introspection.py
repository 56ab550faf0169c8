"""Which tables a database alias has."""

from __future__ import annotations

from functools import cached_property

from django.db import connections, models, router

from ..declaration.counter import CounterDeclaration
from ..declaration.problems import is_usable
from ..declaration.registry import declarations
from ..exceptions import CounterError
from ..identity_table import Identity
from .tables import Delta, Progress, RefusedKey


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

    def lacks(self, counter: CounterDeclaration) -> str:
        """Why there is nothing to do for a counter here, a sentence: none of its tables are; empty where they are.

        Raises:
            CounterError: some of the package's own tables are missing.
        """
        own = [model for model in (Delta, Progress, RefusedKey, Identity) if self._is_here(model)]
        where = f"the database {self.using!r}"
        schema = vars(connections[self.using]).get("schema_name")
        where += f", schema {schema!r}," if schema else ""
        if not own:
            return f"{counter.label}: passed over, because {where} has no tables of notifications_counter."
        if not self._is_here(counter.model):
            return f"{counter.label}: passed over, because {where} has no table {counter.model._meta.db_table!r}."
        if len(own) < 4:
            raise CounterError(
                f"{counter.label}: {where} lacks tables of notifications_counter. Run manage.py migrate."
            )
        return ""

    def _is_here(self, model: type[models.Model]) -> bool:
        """Whether there is such a table, or a name that a project has put into quotes by itself."""
        table = model._meta.db_table
        return '"' in table or table.lower() in self._all_names

    @cached_property
    def _all_names(self) -> set[str]:
        return {name.lower() for name in connections[self.using].introspection.table_names(include_views=True)}

    def counters(self) -> list[CounterDeclaration]:
        """The counters that can be used, and whose tables are all here."""
        return [
            counter
            for counter in declarations()
            if counter.using in (None, self.using)
            and is_usable(counter)
            and self.has(counter.model, *([counter.source] if counter.source else []))
        ]
