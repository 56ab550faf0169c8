"""What others are told: the Prometheus metrics that a scrape reads, and the signal after each flush."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from typing import Any

from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from prometheus_client import CollectorRegistry, generate_latest, start_http_server

from notifications_counter.applying.result import FlushResult
from notifications_counter.ledger.tables import Delta, Progress
from notifications_counter.models import UserNotificationsCount
from notifications_counter.monitoring.metrics import METRICS, register
from notifications_counter.signals import flushed
from tests.support.base import ROOT, CounterTestCase, child_environment, counter, default_buffer, notify, uses_redis
from tests.support.servers import HOST, free_port, valkey
from tests.testapp.models import Click

LABELS = f'counter="{counter.label}",database="default"'
REDIS = "notifications_counter.buffers.redis.RedisBuffer"


def metrics_view(request: HttpRequest) -> HttpResponse:
    """As the documentation has it."""
    registry = CollectorRegistry()
    register(registry)
    return HttpResponse(generate_latest(registry), content_type="text/plain")


class MetricsTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.registry = CollectorRegistry()
        register(self.registry)
        (self.user,) = self.make_users(1)

    def value(self, name: str, label: str = counter.label) -> float | None:
        labels = {"counter": label, "database": "default"}
        return self.registry.get_sample_value(f"notifications_counter_{name}", labels)

    def test_what_waits_is_read_at_each_scrape(self) -> None:
        self.assertEqual((self.value("pending_keys"), self.value("pending_amount")), (0, 0))
        notify(self.user, 3)
        self.assertEqual((self.value("pending_keys"), self.value("pending_amount")), (1, 3))
        self.assertEqual(self.value("last_flush_timestamp_seconds"), None)
        counter.flush()
        self.assertEqual((self.value("pending_keys"), self.value("last_flush_keys")), (0, 1))
        self.assertAlmostEqual(self.value("last_flush_timestamp_seconds") or 0, time.time(), delta=30)
        self.assertGreater(self.value("last_flush_duration_seconds") or 0, 0)

    def test_every_counter_has_metrics_under_its_own_label(self) -> None:
        Click.counter.add({"https://example.com/": 5})
        self.assertEqual(self.value("pending_amount", Click.counter.label), 5)
        self.assertEqual(self.value("pending_amount"), 0)

    def test_drift_and_lost_data_are_told(self) -> None:
        counter.flush()
        self.assertEqual((self.value("recounts_lost_data"), self.value("last_drift_keys")), (0, 0))
        now = counter.status().at
        Progress.objects.update(lost_at=now, drift_at=now, drift_keys=7, drift_amount=9)
        self.assertEqual((self.value("recounts_lost_data"), self.value("last_drift_keys")), (1, 7))
        self.assertEqual(self.value("last_drift_amount"), 9)
        self.assertEqual(self.value("last_drift_timestamp_seconds"), now.timestamp())

    def test_a_view_writes_them_in_prometheus_format(self) -> None:
        notify(self.user, 2)
        said = metrics_view(RequestFactory().get("/metrics")).content.decode()
        self.assertIn("# TYPE notifications_counter_pending_keys gauge", said)
        self.assertIn(f"notifications_counter_pending_keys{{{LABELS}}} 1.0\n", said)
        self.assertIn(f"notifications_counter_up{{{LABELS}}} 1.0\n", said)
        for metric in METRICS:
            self.assertIn(f"# HELP notifications_counter_{metric.name} {metric.said}\n", said)

    def test_they_cannot_be_registered_twice_and_registering_asks_no_database(self) -> None:
        with self.assertNumQueries(0):
            collector = register(CollectorRegistry())
        with self.assertRaises(ValueError):
            self.registry.register(collector)

    def test_a_scrape_by_another_thread_leaves_no_connection_to_the_database_open(self) -> None:
        if connections["default"].vendor != "postgresql":
            self.skipTest("PostgreSQL says who is connected")
        before, port = self.connected(), free_port()
        server, thread = start_http_server(port, addr=HOST, registry=self.registry)
        try:
            for _ in range(3):
                with urllib.request.urlopen(f"http://{HOST}:{port}/metrics") as reply:
                    self.assertIn(b"notifications_counter_up", reply.read())
        finally:
            server.shutdown()
            server.server_close()
            thread.join(10)
        end = time.monotonic() + 10
        while self.connected() > before and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(self.connected(), before)

    def connected(self) -> int:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()")
            return int(cursor.fetchone()[0])

    def test_without_its_server_what_the_database_knows_is_told_and_the_rest_left_out(self) -> None:
        if not uses_redis():
            self.skipTest("only Redis can be away")
        with default_buffer(REDIS, {"URL": f"redis://127.0.0.1:{free_port()}/0"}):
            notify(self.user)
            self.assertEqual((self.value("up"), self.value("pending_rows")), (0, 1))
            for name in ("pending_keys", "pending_amount", "open_intents", "server_memory_bytes"):
                self.assertIsNone(self.value(name), name)

    def test_how_the_server_is_set_up_is_told(self) -> None:
        if not uses_redis():
            self.skipTest("only Redis is a server")
        self.assertEqual((self.value("server_evicts"), self.value("server_persists")), (0, 0))
        self.assertGreater(self.value("server_memory_bytes") or 0, 100_000)
        with valkey(maxmemory_policy="allkeys-lfu", appendonly="yes") as url, default_buffer(REDIS, {"URL": url}):
            self.assertEqual((self.value("server_evicts"), self.value("server_persists")), (1, 1))

    def test_a_counter_whose_status_cannot_be_read_hides_no_other(self) -> None:
        with (
            default_buffer("notifications_counter.buffers.nothing.Buffer", {}),
            self.assertLogs("notifications_counter"),
        ):
            self.assertEqual(self.value("up"), 0)
        self.assertEqual(self.value("up"), 1)

    def test_without_the_package_it_can_be_imported_and_says_which_extra_has_it(self) -> None:
        program = (
            "import sys; sys.modules['prometheus_client'] = None\n"
            "import django; django.setup()\n"
            "from notifications_counter import exceptions\n"
            "from notifications_counter.monitoring import metrics\n"
            "try: metrics.register()\n"
            "except exceptions.MissingExtra as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=child_environment(), capture_output=True, text=True
        )
        self.assertIn("prometheus-client is not installed", done.stdout, done.stderr)
        self.assertIn("python -m pip install '.[prometheus]'", done.stdout)


class SignalTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        self.heard: list[dict[str, Any]] = []

    def hear(self, **said: Any) -> None:
        self.heard.append(said)

    def connect(self, receiver: Any, **options: Any) -> None:
        flushed.connect(receiver, **options)
        self.addCleanup(flushed.disconnect, receiver, **options)

    def test_it_is_sent_after_each_flush_with_the_counter_the_database_and_what_was_done(self) -> None:
        self.connect(self.hear)
        notify(self.user, 2)
        done = counter.flush()
        counter.flush()
        self.assertEqual([one["flushed"].keys for one in self.heard], [1, 0])
        first = self.heard[0]
        self.assertEqual(
            (first["sender"], first["counter"], first["using"]), (UserNotificationsCount, counter, "default")
        )
        self.assertIs(first["flushed"], done)
        self.assertIsInstance(done, FlushResult)
        self.assertEqual((done.amount, done.ok), (2, True))

    def test_what_could_not_be_applied_is_told_too(self) -> None:
        self.connect(self.hear)
        Delta.objects.create(counter=counter.label, key="nobody", amount=1)
        with self.assertLogs("notifications_counter", "ERROR"):
            counter.flush()
        self.assertFalse(self.heard[0]["flushed"].ok)
        self.assertIn("'nobody'", self.heard[0]["flushed"].problems[0])

    def test_one_can_listen_to_a_single_count_model(self) -> None:
        self.connect(self.hear, sender=Click)
        counter.flush()
        self.assertEqual(self.heard, [])
        Click.counter.flush()
        self.assertEqual([one["counter"] for one in self.heard], [Click.counter])

    def test_a_receiver_sees_the_flush_in_the_database_and_may_fail(self) -> None:
        seen: list[int | None] = []

        def look(**said: Any) -> None:
            seen.append(self.stored(self.user))
            raise RuntimeError("the receiver's own")

        self.connect(look)
        self.connect(self.hear)
        notify(self.user, 2)
        with self.assertLogs("django.dispatch", "ERROR"):
            self.assertTrue(counter.flush().ok)
        self.assertEqual((seen, len(self.heard)), ([2], 1))
