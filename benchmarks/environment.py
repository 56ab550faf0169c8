"""A database of its own on the server of POSTGRESQL_URL, and a Valkey of its own; and users in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.servers import valkey

USERS = """
INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, date_joined, first_name, last_name, email)
SELECT 'user' || n, '!', false, false, true, now(), '', '', '' FROM generate_series(1, %s) n
"""


@contextmanager
def postgresql_and_valkey(buffer: str = "redis", settings: str = "benchmarks.settings") -> Iterator[None]:
    """Configure Django with one of the buffers, and take everything away at the end."""
    url = os.environ.get("POSTGRESQL_URL")
    if not url:
        sys.exit(
            "Set POSTGRESQL_URL, such as postgresql://user:password@127.0.0.1:5432/name, to a server to measure on."
        )
    with valkey() as redis_url:
        os.environ |= {"NC_DATABASE_URL": url, "NC_REDIS_URL": redis_url, "NC_BUFFER": buffer}
        os.environ["DJANGO_SETTINGS_MODULE"] = settings
        import django
        from django.db import connection

        django.setup()
        name = str(connection.settings_dict["NAME"])
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        if settings == "benchmarks.settings":
            make_tables()
        os.environ["NC_TEST_DATABASE_NAME"] = str(connection.settings_dict["NAME"])  # for processes started here
        try:
            yield
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


def make_tables() -> None:
    """The tables of models.py: Django itself would make them before the migrations that make what they refer to.

    Of a model that it does not manage, it makes the table and leaves out the indexes. The counts get the room that the
    documentation advises, and those of others stay as Django makes them.
    """
    from django.apps import apps
    from django.db import connection

    from notifications_counter.fillfactor import FILL_FACTOR
    from notifications_counter.models import Notification

    from .models import InRowsCount, Row

    with connection.schema_editor() as editor:
        for model in apps.get_app_config("benchmarks").get_models():
            editor.create_model(model)
            for index in model._meta.indexes:
                editor.add_index(model, index)
    execute(f"ALTER TABLE {table(InRowsCount)} SET (fillfactor = {FILL_FACTOR})")
    for model in Row.__subclasses__():
        assert indexes(model) == indexes(Notification), f"{table(model)} has other indexes than the notifications"


def indexes(model: Any) -> list[str]:
    """The indexes of a table, without their names."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [table(model)])
        return sorted(definition.split(" USING ")[1] for (definition,) in cursor.fetchall())


def execute(sql: str, *parameters: Any) -> None:
    """One statement, outside of any transaction."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)


def table(model: Any) -> str:
    return str(model._meta.db_table)


def redis_client() -> Any:
    """The very client of the Redis buffer."""
    from notifications_counter.buffers import buffers

    return buffers["default"].server.client  # type: ignore[attr-defined]


def start_anew(users: int) -> list[int]:
    """Leave nothing of the measurement before; so many users, whose primary keys are returned."""
    from notifications_counter.ledger.tables import Delta

    redis_client().flushdb()
    execute(f"TRUNCATE auth_user, {table(Delta)}, {', '.join(map(table, counts()))} RESTART IDENTITY CASCADE")
    note_progress()
    execute(USERS, users)
    execute("VACUUM ANALYZE auth_user")
    return list(range(1, users + 1))


def counts() -> list[Any]:
    """The count models, which refer to their users without a constraint."""
    from notifications_counter.models import UserNotificationsCount

    from .models import CountRow, KindCount

    return [UserNotificationsCount, *CountRow.__subclasses__(), *KindCount.__subclasses__()]


def note_progress() -> None:
    """The rows that `migrate` creates where no notification is there yet."""
    from notifications_counter.counters import counters
    from notifications_counter.ledger.tables import Progress

    Progress.objects.all().delete()
    for counter in counters():
        counter.store().ensure_progress(counter.buffer.layout.shards)


def make_count_rows(model: Any) -> None:
    """A row of a count model for every user."""
    execute(f"INSERT INTO {table(model)} (user_id, unread_count) SELECT id, 0 FROM auth_user ORDER BY id")
    execute(f"VACUUM ANALYZE {table(model)}")


def make_unread(model: Any, numbers: dict[int, int]) -> None:
    """Unread rows, behind everybody's back: user -> how many.

    They come evenly over time, as in a site: between two rows of one user lie those of the others.
    """
    users, times = list(numbers), list(numbers.values())
    execute(
        f"INSERT INTO {table(model)} (user_id, text, kind, url, has_read, created_at)"
        " SELECT u.id, 'Parcel number ' || n || ' has arrived', '', '/parcels/' || n, false, now()"
        " FROM unnest(%s::int[], %s::int[]) u(id, times), generate_series(1, u.times) n"
        " ORDER BY n::float / u.times, u.id",
        users,
        times,
    )
    execute(f"ANALYZE {table(model)}")


def clean(table: str) -> None:
    """Nobody pays for what the rounds before have left."""
    execute(f"VACUUM ANALYZE {table}")
    execute("CHECKPOINT")
