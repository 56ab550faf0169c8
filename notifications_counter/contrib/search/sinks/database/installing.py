"""What each database needs for full text beside Django's table: made after ``migrate``, and again where it is missing.

Django's remake of a table, which SQLite needs for most changes of a column, drops triggers; so nothing of it is made by
a migration alone.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, router, transaction

from .....exceptions import UnsupportedDatabase, quoted
from ...models import SearchDocument
from .mysql import MySQL
from .postgresql import PostgreSQL
from .sqlite import SQLite
from .vendor import TABLE, Vendor

VENDORS: dict[str, type[Vendor]] = {"mysql": MySQL, "postgresql": PostgreSQL, "sqlite": SQLite}


def vendor_of(using: str) -> Vendor:
    """The full text search of a database.

    Raises:
        UnsupportedDatabase: there is none for it.
    """
    connection = connections[using]
    if connection.vendor not in VENDORS:
        raise UnsupportedDatabase(f"The database {quoted(using)} cannot be searched: it is {connection.vendor}.")
    return VENDORS[connection.vendor](connection)


def is_installed(using: str) -> bool:
    """Whether documents can be written and found in a database."""
    return TABLE in connections[using].introspection.table_names() and vendor_of(using).is_installed()


def install(using: str) -> None:
    """Make what is missing.

    Raises:
        UnsupportedDatabase: the database has no full text search that we know.
    """
    vendor = vendor_of(using)
    if not vendor.is_installed():
        with transaction.atomic(using=using):
            vendor.install()


def after_migrate(using: str, **kwargs: Any) -> None:
    """Install it where the table is."""
    connection = connections[using]
    if (
        connection.vendor in VENDORS
        and router.allow_migrate_model(using, SearchDocument)
        and TABLE in connection.introspection.table_names()
    ):
        install(using)
