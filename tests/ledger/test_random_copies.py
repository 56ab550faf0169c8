"""Random walks over databases that are copied, moved and opened, and over settings that change in between."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
import unittest
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.test import TransactionTestCase, tag

from notifications_counter.exceptions import BufferMismatch, CounterError
from notifications_counter.flushing.all_counters import flush_all
from notifications_counter.ledger import identity
from notifications_counter.models import Notification
from tests.support.base import counter, default_buffer, empty_redis
from tests.support.sites import REDIS
from tests.support.walks import by_effort, seeds

USING = "other"
USERS = (1, 2, 3)

#: Options of the Redis buffer; None for the database buffer.
BUFFERS: list[dict[str, Any] | None] = [None, {}, {}, {"DATABASE_ONLY": True}, {"PREFIX": "new"}, {"SHARDS": 3}]


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """These tests bring buffers of their own: once a database is enough."""
    wanted = os.environ.get("NC_BUFFER") == "redis" and connection.vendor == "sqlite"
    return tests if wanted else unittest.TestSuite()


class Walk:
    """Some files, of which the alias leads to one at a time, and one Redis for them all."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.files = [folder / f"{number}.sqlite3" for number in range(3)]
        self.buffer = ExitStack()
        self.steps: list[str] = []
        self.number = 0
        self.options: dict[str, Any] | None = {}

    def open(self, file: Path, again: bool = True) -> None:
        """Lead the alias to a file, as a process does that begins, or one that has known the file before."""
        connections[USING].close()
        connections[USING].settings_dict["NAME"] = str(file)
        if again:
            identity.forget()

    def step(self) -> None:
        name = self.random.choice([name for name in dir(self) if name.startswith("do_")])
        self.steps.append(name)
        self.open(self.random.choice(self.files), again=self.random.random() < 0.2)
        getattr(self, name)()
        for file in self.files:
            self.open(file, again=self.random.random() < 0.2)
            self.check(file)

    def check(self, file: Path) -> None:
        rows = Notification.objects.using(USING).filter(has_read=False)
        actual = {key: rows.filter(user_id=key).count() for key in USERS}
        found = counter.values(USERS, using=USING)
        assert found == actual, f"{file.name}: {found} != {actual} after {self.steps[-20:]}"

    def notify(self) -> None:
        user = self.random.choice(USERS)
        for _ in range(self.random.randrange(1, 4)):
            Notification.objects.using(USING).create(user_id=user, text="text")

    def do_notify(self) -> None:
        self.notify()

    def do_notify_again(self) -> None:
        self.notify()

    def do_notify_in_a_transaction(self) -> None:
        with suppress(ZeroDivisionError), transaction.atomic(using=USING):
            self.notify()
            counter.values(USERS, using=USING)
            if self.random.random() < 0.3:
                raise ZeroDivisionError

    def do_read(self) -> None:
        Notification.objects.using(USING).filter(user_id=self.random.choice(USERS)).update(has_read=True)

    def do_flush(self) -> None:
        flush_all([counter], using=USING)

    def do_recount(self) -> None:
        with suppress(CounterError):
            counter.recount(USERS, using=USING)

    def do_drain(self) -> None:
        if self.options is not None and "DATABASE_ONLY" not in self.options:
            return  # who goes on writing to Redis would do so afterwards
        with suppress(BufferMismatch):
            counter.drain(using=USING)

    def do_copy(self) -> None:
        """Take a copy, and put it in the place of another file or of a new one."""
        old, place = self.random.choice(self.files), self.random.randrange(len(self.files))
        if self.files[place] == old:
            return
        connections[USING].close()
        if self.random.random() < 0.5:
            self.number += 1
            self.files[place] = self.folder / f"copy {self.number}.sqlite3"
        shutil.copy(old, self.files[place])
        identity.forget()  # processes that had the file open are started again

    def do_move(self) -> None:
        place = self.random.randrange(len(self.files))
        self.number += 1
        target = self.folder / f"moved {self.number}.sqlite3"
        connections[USING].close()
        shutil.move(self.files[place], target)
        self.files[place] = target

    def do_new_identity(self) -> None:
        if self.random.random() < 0.3:
            identity.renew(USING)

    def do_switch(self) -> None:
        """Other settings for all; what was left out on the way is made up for by a flush, where it is possible."""
        options = self.options = self.random.choice(BUFFERS)
        self.buffer.close()
        chosen = {} if options is None else {"URL": settings.REDIS_URL, "INTENT_GRACE": 1, **options}
        backend = settings.IN_DATABASE["BACKEND"] if options is None else REDIS
        self.steps[-1] += f" to {options}"
        self.buffer.enter_context(default_buffer(backend, chosen))
        for file in self.files:
            self.open(file)
            flush_all([counter], using=USING)

    def do_wait(self) -> None:
        if self.random.random() < 0.2:
            time.sleep(1.1)


@tag("long-alone")
class RandomCopiesTest(TransactionTestCase):
    databases = {"default", USING}

    def setUp(self) -> None:
        empty_redis()
        self.known = connections[USING].settings_dict["NAME"]
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.addCleanup(self.end)

    def end(self) -> None:
        connections[USING].close()
        connections[USING].settings_dict["NAME"] = self.known
        identity.forget()
        empty_redis()

    def walk(self, seed: int, steps: int) -> None:
        walk = Walk(seed, self.folder)
        self.addCleanup(walk.buffer.close)
        connections[USING].close()
        for file in walk.files:
            shutil.copy(self.known, file)
            walk.open(file)
            User.objects.using(USING).bulk_create([User(pk=key, username=f"user{key}") for key in USERS])
            counter.flush(using=USING)
        with self.subTest(seed=seed):
            for _ in range(steps):
                walk.step()
            for file in walk.files:
                walk.open(file)
                flush_all([counter], using=USING)
                walk.check(file)
        walk.buffer.close()

    def test_each_value_is_the_count_of_its_own_databases_rows_after_every_step(self) -> None:
        self.enterContext(self.assertLogs("notifications_counter"))
        for seed in seeds(by_effort(1, 3, 20)):
            self.walk(seed, 150)
