"""Writers and flushers are killed at every step of what they do, and the counts are exact again by themselves."""

import collections
import time

from django.db import connection
from django.test import tag

from notifications_counter.buffers import buffers
from notifications_counter.counters import Counter
from notifications_counter.ledger.tables import Delta
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, fast_healing, finish, heavy, start_child, uses_redis
from tests.support.children.work import COUNTERS
from tests.support.intents import parse_intents
from tests.support.walks import LONG, SEED

#: How often each point has its turn.
ROUNDS = 10 if LONG else 1


@heavy
class KillTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(fast_healing())
        self.users = self.make_users(6)

    def kill_often(self, writers: str, flushers: str) -> None:
        """Kill at all points of two roles under the load of both."""
        number = 2 if connection.vendor == "sqlite" else 4  # SQLite has one writer at a time
        ids = ",".join(str(user.pk) for user in self.users)
        buffer, began = "redis" if uses_redis() else "database", time.monotonic()
        roles = f"{writers},{flushers}"
        killed = finish(start_child("kill_often", buffer, roles, SEED, ROUNDS, number, ids), 300 * ROUNDS)
        seconds = time.monotonic() - began
        print(f"NC_SEED={SEED}: {len(killed)} kills of {writers}s and {flushers}s in {seconds:.0f} s", flush=True)
        self.last = ", ".join(killed[-10:])
        self.assert_each_kind(killed)

    def assert_each_kind(self, killed: list[str]) -> None:
        """At least one kill in twenty was of each kind: a role that dies at a step, before or after it."""
        kinds = collections.Counter(kill.replace(" before ", " at ").replace(" after ", " at ") for kill in killed)
        rare = {kind: number for kind, number in kinds.items() if number < len(killed) / 20}
        self.assertEqual(rare, {}, f"of {len(killed)} kills")

    def test_one_flush_after_the_grace_time_ends_exact_wherever_writers_and_flushers_were_killed(self) -> None:
        self.kill_often("writer", "flusher")
        self.assert_healed_by_one_flush()

    @tag("long")
    def test_the_same_beside_recounts_and_audits_that_are_killed(self) -> None:
        self.kill_often("asker", "auditor")
        self.assert_healed_by_one_flush()

    def assert_healed_by_one_flush(self) -> None:
        time.sleep(3)  # the grace time, and as long again as a transaction ran that was looked at meanwhile
        for counter in COUNTERS:
            self.assertTrue(counter.flush().ok)
            self.assert_counter_exact(counter)
            self.assertEqual(counter.status().keys, 0)
        self.assertEqual(Delta.objects.count(), 0)
        if uses_redis():
            self.assert_intents_go()

    def assert_counter_exact(self, counter: Counter) -> None:
        said = f"{counter.label}, NC_SEED={SEED}, the last kills: {self.last}"
        rows = Notification.objects.filter(has_read=counter is not COUNTERS[0])
        true = {user.pk: rows.filter(user=user).count() for user in self.users}
        stored = dict(counter.model._base_manager.values_list("pk", counter.field.attname))
        self.assertEqual({pk: stored.get(pk, 0) for pk in true}, true, f"stored, {said}")
        self.assertEqual(counter.values(true), true, f"values, {said}")
        self.assertEqual({pk: counter.value(pk) for pk in true}, true, f"value, {said}")

    def assert_intents_go(self) -> None:
        """Those of the dead, which recounts have flagged, with the next look after the longest transaction allowed."""
        self.assertEqual([left for left in self.intents() if not left.startswith("flagged")], [])
        buffers["default"].max_transaction_age = 1  # type: ignore[attr-defined]
        for counter in COUNTERS:
            counter.recount(self.users)
        self.assertEqual(self.intents(), [])

    def intents(self) -> list[str]:
        client = buffers["default"].server.client  # type: ignore[attr-defined]
        held = [value.decode() for name in client.scan_iter("*:intents") for value in client.hvals(name)]
        return [left for one in held for left in parse_intents(one).values()]
