"""What RabbitMQ streams and their client really do, and that nothing is lost or counted twice for all that.

Tests that begin with ``test_client`` or ``test_broker`` say how the others behave, so that it is noticed when they
change; the rest is about this package.
"""

from __future__ import annotations

import contextlib
import time
from io import StringIO
from typing import Any

import mmh3
import rstream
from django.core.management import call_command
from rstream.superstream import HashRoutingMurmurStrategy, Metadata

from notifications_counter.contrib.streams import Emitter, checks
from notifications_counter.contrib.streams.exceptions import (
    DeliveryFailed,
    InvalidTopic,
    LogUnavailable,
    OffsetGone,
    ProcessingFailed,
    TopicReplaced,
    UnknownTopic,
)
from notifications_counter.contrib.streams.logs.base import Outgoing
from notifications_counter.contrib.streams.status import status_of

from ..support.kafka import once, own_name
from ..support.proxy import Proxy
from .base import everything
from .broker_case import PATIENCE
from .models import UserClicks
from .rabbitmq_case import RabbitMQTestCase
from .test_kafka_facts import TABLE

#: Segments of one kilobyte, so that a few messages are a retention.
SMALL = {"max-length-bytes": "3000", "stream-max-segment-size-bytes": "1000"}


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@once
class TopicTests(RabbitMQTestCase):
    def replace(self) -> None:
        self.log.delete_topic(self.topic)
        self.log.create_topic(self.topic, self.partitions)

    def test_broker_skips_what_is_below_an_offset_past_the_end_of_a_stream_and_a_processor_does_not(self) -> None:
        processor = self.processor(table=UserClicks)
        self.append(10)
        self.run_once(processor)
        self.replace()
        self.append(5)
        self.assertEqual(self.consume(f"{self.topic}-0", 11, 1.0), [])  # nothing of five messages, and no error
        with self.assertRaisesMessage(TopicReplaced, f"--reset {self.group}"):
            self.run_once(processor)
        self.assertEqual(UserClicks.counter.value("user-0"), 1)
        run("stream_topics", self.topic, "--reset", self.group, "--to", "earliest")
        self.run_once(processor)
        self.assertEqual(UserClicks.counter.value("user-0"), 2)

    def test_a_stream_that_is_deleted_and_made_anew_while_it_is_read_stops_its_reader(self) -> None:
        self.append(3)
        reader = self.reader(p0=1)
        self.assertEqual(len(self.read(reader, 3)), 3)
        self.replace()
        self.append(9)
        with self.assertRaisesMessage(TopicReplaced, self.group):
            self.read(reader, 1)

    def test_one_partition_that_is_made_anew_by_others_is_no_part_of_the_topic(self) -> None:
        uid = self.log.topic(self.topic).uid

        async def replace(producer: rstream.Producer) -> None:
            await producer.delete_stream(f"{self.topic}-1")
            await producer.create_stream(f"{self.topic}-1")

        self.produce(replace)
        with self.assertRaisesMessage(UnknownTopic, "only streams that were not made"):
            self.log.topic(self.topic)
        run("stream_topics", self.topic, "--partitions", "2")
        self.assertNotEqual(self.log.topic(self.topic).uid, uid)

    def test_deleted_messages_stop_a_processor_and_the_brokers_own_notes_between_messages_do_not(self) -> None:
        self.log.delete_topic(self.topic)
        self.use(ARGUMENTS=SMALL)
        info = self.log.create_topic(self.topic, 1)
        processor = self.processor(table=UserClicks)
        self.run_once(processor)
        ends = [self.append(1)[0] for _ in range(60)]
        self.assertGreater(ends[-1], 60)  # offsets that are no messages: the broker's own notes
        begin = self.log.begins(self.topic)[0]
        self.assertGreater(begin, 1)
        self.assertEqual(self.log.topic(self.topic), info)  # though the mark is among what was deleted
        with self.assertRaisesMessage(OffsetGone, f"begins at offset {begin}"):
            self.run_once(processor)
        self.assertEqual(UserClicks.objects.count(), 0)
        run("stream_topics", self.topic, "--reset", self.group, "--to", "earliest")
        self.run_once(processor)
        self.assertEqual(UserClicks.counter.value("user-0"), sum(offset >= begin for offset in ends))
        self.assertEqual(self.offsets(), self.log.ends(self.topic))

    def test_streams_of_a_super_stream_are_taken_over_with_what_is_in_them(self) -> None:
        name = own_name("super")

        async def make(producer: rstream.Producer) -> None:
            for number in range(2):
                await producer.create_stream(f"{name}-{number}")
                properties = rstream.Properties(group_id=f"user-{number}")
                message = rstream.AMQPMessage(body=b"/", properties=properties, application_properties={"id": "7"})
                await producer.send_wait(f"{name}-{number}", message)

        self.produce(make)
        with self.assertRaisesMessage(UnknownTopic, f"stream_topics {name} --partitions N"):
            self.log.topic(name)
        with self.assertRaisesMessage(InvalidTopic, "--partitions 2"):
            self.log.create_topic(name, 3)
        self.log.create_topic(name, 2)
        found = everything(self.log, name)
        self.assertEqual(
            {number: [one.key for one in ones] for number, ones in found.items()}, {0: ["user-0"], 1: ["user-1"]}
        )
        self.assertEqual(found[0][0].headers, (("id", b"7"),))
        self.run_once(self.processor(inputs=name, table=UserClicks))
        self.assertEqual(UserClicks.objects.count(), 2)

    def test_a_message_that_is_no_amqp_stops_the_processor_at_its_offset(self) -> None:
        self.append(1)

        async def send(producer: rstream.Producer) -> None:
            await producer.send_wait(f"{self.topic}-0", b"\xff no AMQP")

        self.produce(send)
        with self.assertRaisesMessage(ProcessingFailed, "offset 2 of partition 0"):
            self.run_once(self.processor(table=UserClicks))
        self.assertEqual(self.offsets()[0], 2)

    def test_arguments_that_the_broker_refuses_are_an_error(self) -> None:
        self.use(ARGUMENTS={"queue-leader-locator": "nowhere"})
        with self.assertRaisesMessage(InvalidTopic, "PreconditionFailed"):
            self.log.create_topic(own_name("refused"), 1)

    def test_topics_are_made_listed_shown_reset_and_deleted_by_the_command(self) -> None:
        name = own_name("orders")
        self.assertIn(f"{name}: made, with 3 partitions", run("stream_topics", name, "--partitions", "3"))
        Emitter(name).emit_sync("ada", "/")
        self.assertIn(f"{name}: 3 partitions, 1 messages", run("stream_topics"))
        self.assertIn(f"{name}, partition 0: offsets 1 to ", run("stream_topics", name))
        run("stream_topics", name, "--delete")
        self.assertNotIn(name, run("stream_topics"))

    def test_checks_and_status_know_its_topics(self) -> None:
        processor = self.processor(table=UserClicks, dead_letters="nowhere")
        messages = checks.check_topics(databases=["default"])
        (found,) = [one.msg for one in messages if one.obj == self.group]
        self.assertIn("There is no topic 'nowhere'", found)
        processor = self.processor(table=UserClicks)
        self.assertNotIn(self.group, [one.obj for one in checks.check_topics(databases=["default"])])
        self.append(3)
        self.run_once(processor)
        self.append(2)
        self.assertEqual([(one.offset, one.lag) for one in status_of(processor)], [(4, 2), (1, 0)])


@once
class EmittingTests(RabbitMQTestCase):
    partitions = 10

    def test_broker_knows_only_the_first_name_of_a_producer_of_rstream(self) -> None:
        stream = f"{self.topic}-0"

        async def send(producer: rstream.Producer) -> list[int]:
            for name in ("first", "second"):
                await producer.send_wait(stream, b"/", publisher_name=name)
            client = await producer.default_client
            return [await client.query_publisher_sequence(stream, name) for name in ("first", "second")]

        self.assertEqual(self.produce(send), [2, 0])

    def test_client_confirms_a_message_object_that_is_used_again_and_the_broker_drops_it(self) -> None:
        before = self.log.ends(self.topic)[0]

        async def send(producer: rstream.Producer) -> None:
            message = rstream.AMQPMessage(body=b"/")
            for _ in range(3):  # each is confirmed, or this would fail
                await producer.send_wait(f"{self.topic}-0", message, publisher_name="somebody")

        self.produce(send)
        self.assertEqual(self.log.ends(self.topic)[0], before + 1)

    def test_the_same_message_emitted_again_is_another_message(self) -> None:
        one = Outgoing(0, "ada", b"/", 1)
        offsets = self.log.append(self.topic, [one, one]) + self.log.append(self.topic, [one])
        self.assertEqual(offsets, [1, 2, 3])
        with Emitter(self.topic) as emitter:
            for _ in range(30):
                emitter.emit("ada", "/")
        self.assertEqual(sum(map(len, everything(self.log, self.topic).values())), 33)

    def test_client_sends_keys_of_a_super_stream_elsewhere_than_the_clients_for_java_and_javascript(self) -> None:
        class Ten(Metadata):
            async def partitions(self) -> list[str]:
                return [str(number) for number in range(10)]

            async def routes(self, routing_key: str) -> list[str]:
                return []

        async def key_of(key: Any) -> Any:
            return key

        async def routed(producer: Any) -> dict[str, int]:
            strategy = HashRoutingMurmurStrategy(key_of)
            return {key: int((await strategy.route(key, Ten()))[0]) for key in keys}  # type: ignore[type-var]

        keys = [f"user-{number}" for number in range(1_000)]
        by_rstream = self.produce(routed)
        by_java = {key: mmh3.hash(key, 104729, signed=False) % 10 for key in keys}
        self.assertGreater(sum(by_rstream[key] != by_java[key] for key in keys), 600)

    def test_an_emitter_puts_keys_where_it_says_whatever_the_log_is(self) -> None:
        with Emitter(self.topic) as emitter:
            for key in TABLE:
                emitter.emit(key, "/")
        found = {one.key: number for number, ones in everything(self.log, self.topic).items() for one in ones}
        self.assertEqual(found, TABLE)

    def test_a_message_that_is_too_large_fails_alone_and_each_is_told_what_became_of_it(self) -> None:
        now = time.time_ns() // 1_000_000
        messages = [Outgoing(number % 2, "ada", b"/" * (2_000_000 if number == 2 else 1), now) for number in range(4)]
        with self.assertRaisesMessage(DeliveryFailed, "is larger than") as raised:
            self.log.append(self.topic, messages)
        self.assertEqual([isinstance(one, Exception) for one in raised.exception.outcomes], [False, False, True, False])
        self.assertEqual(raised.exception.outcomes[3], (1, 2))
        self.append(1)

    def test_many_large_messages_go_in_several_frames(self) -> None:
        offsets = self.append(7, value=b"x" * 400_000)
        self.assertEqual(offsets, list(range(1, 8)))
        self.assertEqual([len(one.value or b"") for one in everything(self.log, self.topic)[0]], [400_000] * 7)

    def test_offsets_are_right_though_others_write_into_the_same_partition(self) -> None:
        told: list[Any] = []
        others = [Emitter(self.topic, int) for _ in range(3)]
        with contextlib.ExitStack() as stack:
            for emitter in others:
                stack.enter_context(emitter)
            for number in range(300):
                others[number % 3].emit(
                    "ada", number, callback=lambda at, _, number=number: told.append((at.offset, number))
                )
        (found,) = [ones for ones in everything(self.log, self.topic).values() if ones]
        self.assertEqual(sorted(told), [(one.offset, int(one.value or b"")) for one in found])


@once
class ConnectionTests(RabbitMQTestCase):
    def test_a_broker_that_is_not_there_or_refuses_a_password_is_unavailable(self) -> None:
        for url in ("rabbitmq-stream://guest:guest@127.0.0.1:1", self.url.replace(":guest@", ":wrong-secret@")):
            self.url = url
            self.use(TIMEOUT=2)
            with self.assertRaisesMessage(LogUnavailable, "RabbitMQ could not describe 'clicks'") as raised:
                self.log.topic("clicks")
            self.assertNotIn("secret", str(raised.exception))

    def test_a_reader_notices_that_its_connection_is_dead_and_goes_on_with_another(self) -> None:
        port = self.where()["port"]
        with contextlib.closing(Proxy(port)) as proxy:
            self.url = self.url.replace(str(port), str(proxy.port))
            self.use(TIMEOUT=1)
            self.append(3)
            reader = self.reader(p0=1)
            self.assertEqual(len(self.read(reader, 3)), 3)
            proxy.requests = proxy.replies = 1.0  # the next question does not come through
            end = time.monotonic() + 3
            while time.monotonic() < end:
                with contextlib.suppress(LogUnavailable):
                    reader.poll(10, 0.5)
            self.assertGreater(proxy.dropped, 0)
            proxy.requests = proxy.replies = 0.0
            began = time.monotonic()
            found: list[tuple[int, int]] = []
            self.append(2)
            while len(found) < 2 and time.monotonic() < began + PATIENCE:
                with contextlib.suppress(LogUnavailable):
                    found += self.read(reader, 2 - len(found))
            self.assertEqual(found, [(0, 4), (0, 5)])
            reader.close()
            self.log.close()
