"""What several tests need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unittest
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase, override_settings

from notifications_counter.buffers import buffers
from notifications_counter.counters import counters
from notifications_counter.ledger import identity
from notifications_counter.ledger.tables import Delta, Progress
from notifications_counter.models import Notification, UserNotificationsCount

from .walks import EFFORT

#: For tests of many processes or steps: a quick run has them on SQLite alone.
heavy = unittest.skipUnless(
    EFFORT != "quick" or connection.vendor == "sqlite", "many processes or steps: on servers with --most or --all"
)

ROOT = Path(__file__).resolve().parents[2]
counter = UserNotificationsCount.counter


class CounterTestCase(TransactionTestCase):
    """Real transactions, an empty buffer, and a database as after `migrate`."""

    def setUp(self) -> None:
        super().setUp()
        empty_redis()
        fill_progress(self.databases)
        note_layout()
        look_whose_databases(self.databases)

    def _fixture_teardown(self) -> None:
        # Django's own way, TRUNCATE of all tables and the signal after migrate, takes longer than most tests.
        for alias in self.databases:
            empty_tables(connections[alias])
            for model in (Delta, Progress):  # triggers have counted that the rows were deleted
                model.objects.using(alias).all()._raw_delete(alias)
        ContentType.objects.clear_cache()

    def make_users(self, number: int) -> list[User]:
        return [User.objects.create(username=f"user{place}") for place in range(number)]

    def stored(self, user: User) -> int | None:
        """What the count model's row holds; None where there is no row."""
        return UserNotificationsCount.objects.filter(pk=user.pk).values_list("unread_count", flat=True).first()

    def assert_exact(self, users: Iterable[User], said: str = "") -> None:
        users = list(users)
        true = {user.pk: true_count(user) for user in users}
        assert counter.values([user.pk for user in users]) == true, f"{counter.values(true)} != {true} {said}"

    def assert_stored_exact(self, users: Iterable[User], said: str = "") -> None:
        for user in users:
            self.assertEqual(self.stored(user) or 0, true_count(user), said)


def empty_tables(connection: BaseDatabaseWrapper) -> None:
    """Delete all rows of all models; keys go on where they were."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    found = ", ".join(f"EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {found}")
        full = [table for table, has_rows in zip(tables, cursor.fetchone(), strict=True) if has_rows]
    with transaction.atomic(connection.alias), connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for table in full:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")


def fill_progress(databases: Iterable[str]) -> None:
    """The progress rows that `migrate` creates of sources that are empty."""
    for alias in databases:
        rows = [Progress(counter=each.label, shard=0, backfilled=True) for each in counters()]
        Progress.objects.using(alias).bulk_create(rows, ignore_conflicts=True)


def look_whose_databases(databases: Iterable[str]) -> None:
    """As processes do with a new connection, a second after the one before: at a time that queries are not counted."""
    for alias in databases:
        connections[alias].ensure_connection()
        vars(connections[alias]).pop(identity.NEW, None)
        identity.of_alias(alias)


def true_count(user: User) -> int:
    return Notification.objects.filter(user=user, has_read=False).count()


def default_buffer(backend: str, options: dict[str, Any]) -> override_settings:
    """Settings in which the default buffer is another one."""
    others = settings.NOTIFICATIONS_COUNTER["BUFFERS"]
    buffers = {**others, "default": {"BACKEND": backend, "OPTIONS": options}}
    changed = {**settings.NOTIFICATIONS_COUNTER, "BUFFERS": buffers}
    return override_settings(NOTIFICATIONS_COUNTER=changed)


def fast_healing(timeout: float = 20, url: str | None = None, **more: Any) -> override_settings:
    """Settings in which intents are looked at after a second.

    Args:
        timeout: of Redis; a long one, so that nobody gives up on it because the machine is slow.
        url: of another Redis.
        more: further settings.
    """
    changed = {**settings.NOTIFICATIONS_COUNTER, **more}
    if uses_redis():
        buffer = changed["BUFFERS"]["default"]
        options = {**buffer["OPTIONS"], "INTENT_GRACE": 1, "TIMEOUT": timeout, **({"URL": url} if url else {})}
        changed["BUFFERS"] = {**changed["BUFFERS"], "default": {**buffer, "OPTIONS": options}}
    return override_settings(NOTIFICATIONS_COUNTER=changed)


def uses_redis() -> bool:
    return buffers["default"].layout.prefix != ""


def empty_redis() -> None:
    for alias in buffers:
        server = getattr(buffers[alias], "server", None)
        if server is not None:
            server.client.flushdb()


def note_layout() -> None:
    """As if the tables had been made with the buffer of this test."""
    layout = buffers["default"].layout
    labels = [each.label for each in counters() if each.buffer.layout == layout and each.buffer_alias == "default"]
    Progress.objects.filter(counter__in=labels).update(prefix=layout.prefix, shards=layout.shards)


def notify(user: User, number: int = 1, **values: Any) -> list[Notification]:
    return [Notification.objects.create(user=user, text=f"number {place}", **values) for place in range(number)]


def behind_djangos_back(user: User, number: int) -> None:
    """Rows that nobody tells the counter of."""
    statement = (
        "INSERT INTO notifications_counter_notification (user_id, text, kind, url, has_read, created_at) VALUES "
    )
    row = "(%s, 'raw', '', '', %s, CURRENT_TIMESTAMP)"
    with connection.cursor() as cursor:
        for left in range(number, 0, -300):
            rows = min(left, 300)
            cursor.execute(statement + ", ".join([row] * rows), [user.pk, False] * rows)


def flush_all() -> None:
    for each in counters():
        each.flush()


def child_environment(**more: str) -> dict[str, str]:
    """For a process that works on the databases of the running tests."""
    names = {
        "NC_TEST_DATABASE_NAME": str(connections["default"].settings_dict["NAME"]),
        "NC_TEST_OTHER_NAME": str(connections["other"].settings_dict["NAME"]),
    }
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **names, **more}


def start_child(module: str, *arguments: Any, **environment: str) -> subprocess.Popen[str]:
    """Run ``tests.support.children.<module>`` in a process of its own."""
    command = [sys.executable, "-m", f"tests.support.children.{module}", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=child_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(child: subprocess.Popen[str], seconds: float = 300) -> Any:
    """Wait for a child that must succeed; what it printed as JSON."""
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    assert child.returncode == 0, f"status {child.returncode}\n{out}\n{err}"
    return json.loads(out) if out.strip() else None
