"""What brokers and their clients do on valid input, and what this package therefore does not rely on.

When one of these fails after an upgrade, something has been mended, and a row of ``docs/clicks-by-message.rst`` is old.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
import unittest
import uuid
from typing import Any

import kombu
from amqp.exceptions import MessageNacked, NotFound
from django.db import connection
from django.test import SimpleTestCase
from kombu.exceptions import ContentDisallowed

from tests.support.rabbitmq import AMQP_URL, connected, delete, needs_rabbitmq, ready
from tests.support.servers import valkey

CONFIRMS = {"transport_options": {"confirm_publish": True}}


@unittest.skipUnless(connection.vendor == "sqlite", "asks brokers alone: it runs with SQLite only")
class BrokersTestCase(SimpleTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.name = f"facts-{uuid.uuid4().hex[:12]}"

    def declare(self, channel: Any, **arguments: Any) -> None:
        self.addCleanup(delete, self.name)
        given = {name.replace("_", "-"): value for name, value in arguments.items()}
        kombu.Queue(self.name, durable=True, queue_arguments=given)(channel).queue_declare()

    def publish(self, channel: Any, body: Any = "x", **more: Any) -> None:
        kombu.Producer(channel, auto_declare=False).publish(body, routing_key=self.name, **more)

    def consumer(self, channel: Any, found: list[Any], **more: Any) -> kombu.Consumer:
        queue = kombu.Queue(self.name, no_declare=True)
        consumer = kombu.Consumer(channel, [queue], auto_declare=False, **{"on_message": found.append, **more})
        consumer.consume()
        return consumer

    def drain(self, connection: Any, seconds: float = 1.0) -> None:
        """Until nothing comes any more."""
        with contextlib.suppress(TimeoutError):
            while True:
                connection.drain_events(timeout=seconds)


@needs_rabbitmq
class PublishingFactsTest(BrokersTestCase):
    def test_without_confirms_a_message_to_an_exchange_that_is_not_there_is_lost_without_an_error(self) -> None:
        with connected() as connection:
            kombu.Producer(connection.channel(), auto_declare=False).publish("x", exchange=self.name, routing_key="y")

    def test_with_confirms_a_message_that_no_queue_takes_is_confirmed_unless_it_is_mandatory(self) -> None:
        with connected(**CONFIRMS) as connection:
            self.publish(connection.channel())
            with self.assertRaises(Exception) as raised:
                self.publish(connection.channel(), mandatory=True)
            self.assertIn("NO_ROUTE", str(raised.exception))

    def test_after_a_confirm_that_came_too_late_a_refused_message_counts_as_confirmed(self) -> None:
        with connected(**CONFIRMS) as connection:
            channel = connection.channel()
            self.declare(channel, x_max_length=1, x_overflow="reject-publish")
            for _ in range(100):  # now and then an answer is read before it is too late
                with contextlib.suppress(MessageNacked):
                    if self._counts_as_confirmed(channel):
                        break
                channel.queue_purge(self.name)
            else:
                self.fail("each refused message was told of")
            time.sleep(0.5)
        self.assertEqual(ready(self.name), 1)

    def _counts_as_confirmed(self, channel: Any) -> bool:
        """Whether a message that is refused raises nothing, after one whose answer came too late."""
        try:
            self.publish(channel, "taken", confirm_timeout=1e-6)
        except TimeoutError:
            self.publish(channel, "refused", confirm_timeout=5)
            return True
        return False

    def test_kombu_gives_a_message_no_id(self) -> None:
        with connected() as connection:
            channel = connection.channel()
            self.declare(channel)
            self.publish(channel)
            time.sleep(0.2)
            self.assertNotIn("message_id", channel.basic_get(self.name, no_ack=True).properties)

    def test_a_process_that_is_forked_off_and_does_nothing_ends_the_pooled_connection_of_its_parent(self) -> None:
        pool = kombu.Connection(AMQP_URL).Pool(1)
        self.addCleanup(pool.force_close_all)
        with pool.acquire() as connection:
            self.declare(connection.default_channel)
            self.publish(connection.default_channel)
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(0.1,))
        child.start()
        child.join()
        with pool.acquire() as connection, self.assertRaises(Exception) as raised:
            for _ in range(20):
                self.publish(connection.default_channel)
                time.sleep(0.05)
        self.assertIsInstance(raised.exception, (OSError, *connection.connection_errors))


@needs_rabbitmq
class ConsumingFactsTest(BrokersTestCase):
    def test_a_channel_that_the_broker_has_closed_is_open_again_and_its_consumer_hears_nothing_more(self) -> None:
        found: list[Any] = []
        with connected() as connection:
            channel = connection.channel()
            self.declare(channel)
            self.consumer(channel, found)
            with self.assertRaises(NotFound):
                channel.queue_declare(f"{self.name}-not", passive=True)
            self.assertTrue(channel.is_open)
            with connected() as other, other.channel() as sending:
                self.publish(sending)
            self.drain(connection)
            self.assertEqual(found, [])

    def test_an_old_acknowledgement_on_a_reopened_channel_settles_another_message(self) -> None:
        found: list[Any] = []
        with connected() as connection:
            channel = connection.channel()
            self.declare(channel)
            self.publish(channel, "one")
            self.consumer(channel, found, prefetch_count=1)
            self.drain(connection, 0.5)
            with self.assertRaises(NotFound):
                channel.queue_declare(f"{self.name}-not", passive=True)
            self.publish(channel, "two")
            channel.basic_qos(0, 2, False)
            self.consumer(channel, found)
            self.drain(connection, 0.5)
            self.assertEqual([message.body for message in found], ["one", "one", "two"])
            found[0].ack()  # of the connection before: it settles what has its number now
            time.sleep(0.3)
        self.assertEqual(ready(self.name), 1)

    def test_a_body_that_cannot_be_decoded_raises_and_stays_unacknowledged(self) -> None:
        for kind in ("application/json; charset=utf-8", "application/x-python-serialize"):
            with self.subTest(kind), connected() as connection:
                channel = connection.channel()
                self.declare(channel)
                self.publish(channel, b"{}", content_type=kind, content_encoding="utf-8")
                taking = {"accept": ["json"], "on_message": None, "callbacks": [lambda body, message: message.ack()]}
                self.consumer(channel, [], **taking)
                with self.assertRaises(ContentDisallowed):
                    self.drain(connection)
                connection.release()
                time.sleep(0.3)
                self.assertEqual(ready(self.name), 1)
                delete(self.name)

    def returned(self, times: int, **arguments: Any) -> int:
        """How many messages there are after one was handed over so often, and its consumer went away cleanly."""
        with connected() as connection:
            channel = connection.channel()
            self.declare(channel, x_queue_type="quorum", **arguments)
            self.publish(channel)
        for _ in range(times):
            found: list[Any] = []
            with connected() as connection:
                self.consumer(connection.channel(), found)
                self.drain(connection, 0.4)
        time.sleep(0.5)
        return ready(self.name)

    def test_a_delivery_limit_counts_clean_closes_of_consumers(self) -> None:
        self.assertEqual(self.returned(3, x_delivery_limit=2), 0)

    def test_a_large_delivery_limit_keeps_a_message_on_every_version(self) -> None:
        self.assertEqual(self.returned(3, x_delivery_limit=1_000_000), 1)

    def test_a_delivery_limit_of_minus_one_means_another_thing_on_each_version(self) -> None:
        with connected() as connection:
            version = tuple(map(int, connection.connection.server_properties["version"].split(".")[:2]))
        self.assertEqual(self.returned(1, x_delivery_limit=-1), 1 if version >= (4, 0) else 0)


class RedisFactsTest(BrokersTestCase):
    def test_what_a_consumer_that_is_gone_has_held_is_not_given_to_the_next_one(self) -> None:
        """It comes back after ``visibility_timeout``, an hour, and while no others arrive."""
        with valkey() as url, connected(url) as connection:
            channel = connection.channel()
            queue = kombu.Queue(self.name)(channel)
            queue.declare()
            self.publish(channel)
            held: list[Any] = []
            self.consumer(channel, held)
            self.drain(connection, 0.5)
            self.assertEqual(len(held), 1)
            with connected(url) as other:  # as if the first had been killed: it never says goodbye
                found: list[Any] = []
                self.consumer(other.channel(), found)
                self.drain(other)
                self.assertEqual(found, [])
