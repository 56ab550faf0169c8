"""A real Redis Cluster: three primaries, each with a replica, and the shards spread over them."""

from __future__ import annotations

from io import StringIO
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import Count
from django.test import override_settings, tag

from notifications_counter.controller import NotificationController
from notifications_counter.exceptions import BufferUnavailable
from notifications_counter.ledger.tables import Delta
from notifications_counter.models import Notification
from tests.capture.test_composite import by_kind
from tests.shop.models import Message, MessagesByKind
from tests.support import failing_over
from tests.support.base import CounterTestCase, behind_djangos_back, counter, default_buffer, note_layout, notify
from tests.support.clusters import Cluster, Server
from tests.support.failing_over import ALL, BACKEND, GroupTestCase
from tests.support.failing_over import load_tests as load_tests
from tests.support.servers import free_port

from .contract import BufferContract


class ClusterTestCase(GroupTestCase):
    kind = Cluster
    options: ClassVar[dict[str, Any]] = {
        "CLIENT": "tests.support.redis_clients.cluster",
        "SHARDS": 8,
        "INTENT_GRACE": 1,
    }
    group: ClassVar[Cluster]

    def server(self, shard: int) -> Server:
        """The one that holds a shard of the notifications' counter."""
        node = self.buffer.server.client.get_node_from_key(self.buffer.shards.base(counter.store(), shard))
        return next(server for server in self.group.servers if server.is_alive and server.port == node.port)


@tag("long")
class ClusterContractTest(BufferContract, ClusterTestCase):
    backend = BACKEND
    options = ClusterTestCase.options


@tag("long")
class ClusterTest(ClusterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(40)

    def buffer_some(self) -> list[User]:
        """Notifications of all users, of which some are read and some are deleted."""
        users = self.users
        for user in users[:20]:
            notify(user, 2)
        Notification.objects.bulk_create([Notification(user=user, text="one of many") for user in users * 3])
        NotificationController(users[0]).mark_all_as_read()
        Notification.objects.filter(user__in=users[5:30]).exclude(text="one of many").delete()
        return users

    def test_the_shards_are_on_three_nodes(self) -> None:
        self.assertEqual(len({self.server(shard).port for shard in range(8)}), 3)

    def test_reads_status_and_a_flush_are_exact(self) -> None:
        users = self.buffer_some()
        self.assert_exact(users)
        status = counter.status()
        self.assertEqual((status.keys, status.amount), (39, sum(counter.values(users).values())))
        self.assertEqual(len(status.servers), 3)
        flushed = counter.flush(chunk_size=3)
        self.assertEqual((flushed.keys, flushed.ok), (39, True))
        self.assert_exact(users)
        self.assert_stored_exact(users)
        self.assertEqual(counter.status().keys, 0)

    def test_a_recount_corrects_what_changed_behind_djangos_back(self) -> None:
        users = self.buffer_some()
        for user in users[::3]:
            behind_djangos_back(user, 4)
        found = counter.recount(users)
        self.assertEqual({one.key for one in found if one.difference == 4}, {str(user.pk) for user in users[::3]})
        self.assert_exact(users)
        counter.flush()
        self.assert_stored_exact(users)

    def test_the_audit_finds_what_changed_behind_djangos_back(self) -> None:
        users = self.buffer_some()
        counter.flush()
        for user in users[::3]:
            behind_djangos_back(user, 4)
        with self.assertLogs("notifications_counter", "WARNING"), self.audit():
            drifted = sum(counter.flush().drifted for _ in range(3))
        self.assertEqual(drifted, len(users[::3]))
        self.assert_exact(users)
        self.assert_stored_exact(users)

    def audit(self) -> override_settings:
        changed = default_buffer(BACKEND, self.options)
        changed.options["NOTIFICATIONS_COUNTER"]["AUDIT_INTERVAL"] = 1
        return changed

    def test_a_drain_leaves_nothing_waiting_or_cached(self) -> None:
        users = self.buffer_some()
        counter.values(users)
        call_command("notification_update_counter", drain=True, stdout=StringIO())
        self.assert_stored_exact(users)
        self.assertEqual(list(self.buffer.server.client.scan_iter("*:total:*")), [])
        self.assertEqual(list(self.buffer.server.client.scan_iter("*:pending")), [])
        with default_buffer(BACKEND, {**self.options, "SHARDS": 5}):
            counter.flush()
            self.addCleanup(self.buffer.server.client.close)
            notify(users[0], 2)
            self.assert_exact(users)


@tag("long")
class CompositeKeysTest(ClusterTestCase):
    def test_groups_are_exact_on_all_nodes_before_and_after_a_flush(self) -> None:
        users = self.make_users(12)
        by_kind.flush()  # notes that deltas may be pending in Redis
        for changes in range(3):
            Message.objects.bulk_create(
                [
                    Message(user=user, kind=kind)
                    for place, user in enumerate(users)
                    for kind in ("a", "b", "c")[: place % 4]
                ]
            )
            Message.objects.filter(user__in=users[changes::4], kind="b").update(has_read=True)
            Message.objects.filter(user=users[changes + 3], kind="a").delete()
            for _ in ("computed", "cached"):
                self.assert_groups_exact(users)
        self.assertEqual(len(self.nodes(users)), 3)
        self.assertTrue(by_kind.flush().ok)
        self.assert_groups_exact(users)
        stored = {(row.user_id, row.kind): row.unread for row in MessagesByKind.objects.exclude(unread=0)}
        self.assertEqual(stored, self.counted())

    def assert_groups_exact(self, users: list[User]) -> None:
        counted = self.counted()
        for user in users:
            own = {kind: number for (owner, kind), number in counted.items() if owner == user.pk}
            self.assertEqual(by_kind.values_of(user), own)

    def counted(self) -> dict[tuple[int, str], int]:
        unread = Message.objects.filter(has_read=False).values_list("user_id", "kind")
        return {(user, kind): number for user, kind, number in unread.annotate(number=Count("pk"))}

    def nodes(self, users: list[User]) -> set[int]:
        """The ports of the servers that hold the groups of these users."""
        shards, store = self.buffer.shards, by_kind.store()
        bases = {shards.base(store, shards.of_group(str(user.pk))) for user in users}
        return {self.buffer.server.client.get_node_from_key(base).port for base in bases}


@tag("long")
class FailOverTest(failing_over.FailOverTests, ClusterTestCase):
    def victim(self) -> Server:
        return self.server(0)

    def test_each_delta_is_added_once_when_three_flush_at_a_time(self) -> None:
        with self.load():
            pass
        self.assert_exact_past_the_grace_time()
        self.assertEqual([self.lost(each) for each in ALL], [[], [], []])
        self.assertEqual(self.clicks, self.done["steps"])
        for each in ALL:
            total = sum(each.model._base_manager.values_list(each.field.attname, flat=True))
            self.assertEqual(sum(flushed["amounts"].get(each.label, 0) for flushed in self.flushed), total)

    def test_a_shard_that_moves_to_another_node_in_one_step_is_recounted(self) -> None:
        for each in ALL:
            each.flush()
        base, before = self.buffer.shards.base(counter.store(), 0), self.run_ids(counter)
        source = self.server(0)
        target = next(server for server in self.group.primaries if server is not source)
        with self.load():
            self.group.move(self.buffer.server.client.keyslot(base), source, target)
        self.assert_exact_past_the_grace_time()
        self.assertIs(self.server(0), target)
        self.assertEqual(self.run_ids(counter), before)
        self.assertIn("was restarted or replaced", " ".join(self.lost(counter)))
        self.assertEqual(self.clicks, self.done["steps"])

    def test_a_node_that_is_away_costs_the_others_nothing(self) -> None:
        for user in self.users:
            notify(user)
        counter.flush()
        away = self.server(0)
        there = [
            user for user in self.users if self.server(self.buffer.shards.of(counter.store(), str(user.pk))) is away
        ]
        (here, *_) = [user for user in self.users if user not in there]
        with self.assertLogs("notifications_counter", "ERROR") as logs:
            node = f"node 127.0.0.1:{away.port}: no answer"
            away.terminate()
            Notification.objects.bulk_create([Notification(user=user, text="one of many") for user in self.users])
            self.assert_exact(self.users)
        self.assertIn(node, "".join(logs.output))
        waiting = Delta.objects.values_list("key", flat=True)
        self.assertEqual(set(waiting), {str(user.pk) for user in there})
        with self.assertNumQueries(0):
            self.assertEqual(counter.value(here), 2)

    def test_a_flush_that_fails_meets_the_node_that_has_taken_over_the_next_time(self) -> None:
        counter.flush()
        for user in self.users:
            notify(user)
        with self.assertLogs("notifications_counter", "ERROR"):
            with self.group.replaced():
                self.victim().terminate()
                with self.assertRaises(BufferUnavailable):
                    counter.flush()
            lost = counter.flush().lost
        self.assertIn("restarted or replaced", lost[0])
        self.assert_exact(self.users)
        self.assert_stored_exact(self.users)

    def test_a_cluster_that_is_down_lets_changes_wait_in_the_database(self) -> None:
        for user in self.users:
            notify(user)
        counter.flush()
        with self.assertLogs("notifications_counter", "ERROR"):
            self.group.take_down(self.server(0))
            for user in self.users[:3]:
                notify(user)
                self.assert_exact([user])
            self.assertEqual(Delta.objects.count(), 3)
            self.group.revive()
            counter.flush()
        self.assert_exact(self.users)
        self.assert_stored_exact(self.users)


@tag("long")
class UnreachableClusterTest(CounterTestCase):
    def test_a_cluster_of_which_no_node_answers_lets_changes_wait_in_the_database(self) -> None:
        (user,) = self.make_users(1)
        nodes = [("127.0.0.1", free_port())]
        with override_settings(REDIS_CLUSTER=nodes), default_buffer(BACKEND, ClusterTestCase.options):
            note_layout()
            with self.assertLogs("notifications_counter", "ERROR") as logs:
                notify(user, 3)
                self.assertEqual((counter.value(user), Delta.objects.count()), (3, 3))
            with self.assertRaisesMessage(BufferUnavailable, "did not answer a moment ago"):
                counter.flush()
        self.assertEqual(len(logs.output), 1)
