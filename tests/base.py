"""What several tests need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.test import TransactionTestCase, override_settings

from notifications_counter.buffers import buffers
from notifications_counter.counters import counters
from notifications_counter.models import Notification, UserNotificationsCount

ROOT = Path(__file__).resolve().parent.parent
counter = UserNotificationsCount.counter


class CounterTestCase(TransactionTestCase):
    """Real transactions, and an empty buffer."""

    def setUp(self) -> None:
        super().setUp()
        empty_redis()

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
        options = {"URL": url or buffer["OPTIONS"]["URL"], "GRACE": 1, "TIMEOUT": timeout}
        changed["BUFFERS"] = {**changed["BUFFERS"], "default": {**buffer, "OPTIONS": options}}
    return override_settings(NOTIFICATIONS_COUNTER=changed)


def uses_redis() -> bool:
    return buffers["default"].layout.prefix != ""


def empty_redis() -> None:
    for alias in buffers:
        client = getattr(buffers[alias], "client", None)
        if client is not None:
            client.flushdb()


def notify(user: User, number: int = 1, **values: Any) -> list[Notification]:
    return [Notification.objects.create(user=user, text=f"number {place}", **values) for place in range(number)]


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
    """Run ``tests.children.<module>`` in a process of its own."""
    command = [sys.executable, "-m", f"tests.children.{module}", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=child_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(child: subprocess.Popen[str], seconds: float = 120) -> Any:
    """Wait for a child that must succeed; what it printed as JSON."""
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    assert child.returncode == 0, f"status {child.returncode}\n{out}\n{err}"
    return json.loads(out) if out.strip() else None
