"""Live badges under load, while servers, workers, Redis and connections die at random: afterwards each is right.

The clients run the element's own protocol in Node.js, and some are tabs of Chromium. Every few faults the load pauses:
two seconds after it is connected, whatever a client shows must be COUNT(*).
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.db import connection
from django.test import tag

from notifications_counter.exceptions import CounterError
from notifications_counter.inbox.models import Revision, UnreadByKind, UnseenCount
from tests.support.base import (
    CounterTestCase,
    counter,
    fast_healing,
    note_layout,
    notify,
    start_child,
    true_count,
    uses_redis,
)
from tests.support.browser import BrowserMixin, session_of
from tests.support.servers import FailingValkey
from tests.support.walks import LONG, SEED, by_effort
from tests.support.web_servers import web_server

from .test_live_badge import SHOWN

COUNTERS = (counter, UnseenCount.counter, UnreadByKind.counter, Revision.counter)

CLIENTS = by_effort(12, 20, 490)
TABS = by_effort(1, 2, 10)
FAULTS = by_effort(12, 24, 2000)

#: Minutes after which no more faults are begun, such as 20; 0 for all, which takes hours on a small machine.
MINUTES = float(os.environ.get("NC_MINUTES") or 0)

#: Faults between two moments of rest.
AT_ONCE = by_effort(6, 12, 40)

#: Seconds after which a client that is connected must be right.
SOON = 2.0

CLIENT = Path(__file__).parents[1] / "support" / "live_clients.mjs"


class Clients:
    """The clients in Node.js."""

    def __init__(self, urls: list[str], sessions: list[str]) -> None:
        module = Path(tempfile.mkdtemp()) / "unread-badge.mjs"
        shutil.copy(finders.find("notifications_counter/unread-badge.js"), module)
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(["node", str(CLIENT), str(module)], **pipes)
        paths = "/inbox/live/", "/inbox/api/unread/"
        self.say([[url, *paths, f"sessionid={key}"] for url, key in zip(urls, sessions, strict=True)])

    def say(self, words: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def report(self) -> list[tuple[int | None, int | None]]:
        """What each shows, and for how many milliseconds it has been connected."""
        self.say(["report"])
        assert self.process.stdout
        return [tuple(one) for one in json.loads(self.process.stdout.readline())]

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@tag("long")
@unittest.skipUnless(connection.vendor == "sqlite" or LONG, "once is enough of what takes so long")
@unittest.skipUnless(shutil.which("node"), "needs Node.js (apt-get install nodejs)")
class LiveFaultsTest(BrowserMixin, CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.rng = random.Random(SEED)
        self.done: collections.Counter[str] = collections.Counter()
        environment = {}
        if uses_redis():
            self.valkey = FailingValkey(self.enterContext(tempfile.TemporaryDirectory(prefix="valkey-")))
            self.addCleanup(self.valkey.kill)
            self.enterContext(fast_healing(url=self.valkey.url, timeout=2))
            note_layout()
            environment = {"NC_REDIS_URL": self.valkey.url, "NC_REDIS_OPTIONS": json.dumps({"INTENT_GRACE": 1})}
        self.environment = environment
        self.servers = [self.enterContext(web_server(**environment)) for _ in range(2)]
        self.users = self.make_users(CLIENTS + TABS)
        for user in self.users:
            notify(user)
        for one in COUNTERS:  # what is lost before a first flush is noticed by no later one
            one.flush()
        urls = [self.servers[place % 2].url for place in range(CLIENTS)]
        self.clients = Clients(urls, [session_of(user) for user in self.users[:CLIENTS]])
        self.addCleanup(self.clients.close)
        self.tabs = [self.new_tab(user) for user in self.users[CLIENTS:]]
        self.asleep: set[int] = set()
        self.frozen: set[int] = set()

    def new_tab(self, user: Any) -> Any:
        page = self.new_page(user, self.servers[0].url)
        page.goto("/page/?interval=2")
        return page

    def hear(self, said: Any) -> None:
        """Servers that are killed make pages complain."""

    def test_whatever_fails_each_badge_is_right_two_seconds_after_it_is_connected(self) -> None:
        print(f"Faults of live badges: NC_SEED={SEED}, {CLIENTS} clients, {TABS} tabs, {FAULTS} faults", flush=True)
        kinds = self.kinds()
        planned = [*kinds, *self.rng.choices(kinds, k=FAULTS - len(kinds))]
        self.rng.shuffle(planned)
        began, self.checked = time.monotonic(), 0
        while planned and not (MINUTES and time.monotonic() > began + 60 * MINUTES):
            with self.load():
                for _ in range(min(AT_ONCE, len(planned))):
                    kind = planned.pop()
                    getattr(self, kind)()
                    self.done[kind] += 1
                    time.sleep(self.rng.random() * 0.4)
            self.rest()
            self.say(time.monotonic() - began)
        self.assertGreaterEqual(min(self.done[kind] for kind in kinds), 0.05 * self.done.total())

    def say(self, seconds: float) -> None:
        faults = ", ".join(f"{name} {number}" for name, number in sorted(self.done.items()))
        print(f"{seconds:.0f} s: {faults}; {self.checked:,} values compared, all right", flush=True)

    def kinds(self) -> list[str]:
        more = ["kill_redis", "empty_redis"] if uses_redis() else []
        return ["kill_server", "kill_worker", "cut_connection", "sleep", *more]

    @contextlib.contextmanager
    def load(self) -> Any:
        self.workers = [self.new_worker() for _ in range(2)]
        try:
            time.sleep(1)
            yield
        finally:
            for worker in self.workers:
                worker.kill()
                worker.communicate()

    def new_worker(self) -> Any:
        ids = ",".join(str(user.pk) for user in self.users)
        settings = {"DJANGO_SETTINGS_MODULE": "tests.apps_settings", **self.environment}
        return start_child("write_for_badges", self.rng.randrange(10**6), ids, **settings)

    # Faults

    def kill_server(self) -> None:
        server = self.rng.choice(self.servers)
        server.kill()
        server.start()

    def kill_worker(self) -> None:
        worker = self.workers.pop(0)
        worker.kill()
        worker.communicate()
        self.workers.append(self.new_worker())

    def kill_redis(self) -> None:
        self.valkey.kill()
        time.sleep(self.rng.random())
        self.valkey.start()

    def empty_redis(self) -> None:
        self.valkey.ask("FLUSHALL")

    def cut_connection(self) -> None:
        for _ in range(max(1, CLIENTS // 10)):
            self.clients.say(["cut", self.rng.randrange(CLIENTS)])

    def sleep(self) -> None:
        """Let tabs fall asleep, and others wake up."""
        for place in self.rng.sample(range(CLIENTS), max(1, CLIENTS // 10)):
            self.clients.say(["wake" if place in self.asleep else "sleep", place])
            self.asleep ^= {place}
        self.freeze(self.rng.randrange(TABS))

    def freeze(self, place: int) -> None:
        devtools = self.tabs[place].context.new_cdp_session(self.tabs[place])
        state = "active" if place in self.frozen else "frozen"
        devtools.send("Page.setWebLifecycleState", {"state": state})
        devtools.detach()
        self.frozen ^= {place}

    # Rest

    def rest(self) -> None:
        for place in list(self.asleep):
            self.clients.say(["wake", place])
        for place in list(self.frozen):
            self.freeze(place)
        self.asleep = set()
        true = self.settle()
        self.check_clients([true[user.pk] for user in self.users[:CLIENTS]])
        for tab, user in zip(self.tabs, self.users[CLIENTS:], strict=True):
            self.check_tab(tab, true[user.pk])

    def settle(self) -> dict[int, int]:
        """Until flushes have recounted what died on its way; what is true then."""
        true = {user.pk: true_count(user) for user in self.users}
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(CounterError):
                for one in COUNTERS:
                    one.flush()
                if counter.values(list(true)) == true:
                    return true
            time.sleep(0.3)
        raise AssertionError(f"the counts themselves are wrong: {counter.values(list(true))} {true}")

    def check_clients(self, true: list[int]) -> None:
        """Each once, as soon as it has been connected, and all is settled, for long enough."""
        settled, left = time.monotonic(), set(range(CLIENTS))
        end = settled + 60
        while left:
            assert time.monotonic() < end, f"clients that do not connect: {left}"
            for place, (shown, connected) in enumerate(self.clients.report()):
                since = min(time.monotonic() - settled, (connected or 0) / 1000)
                if place in left and since >= SOON:
                    self.assertEqual(shown, true[place], f"client {place}, {since} s, after {self.done}")
                    left.remove(place)
                    self.checked += 1
            time.sleep(0.1)

    def check_tab(self, tab: Any, true: int) -> None:
        end = time.monotonic() + 30
        while tab.evaluate(SHOWN) != true:
            assert time.monotonic() < end, f"{tab.evaluate(SHOWN)}, not {true}, after {self.done}"
            tab.wait_for_timeout(100)
        self.checked += 1
