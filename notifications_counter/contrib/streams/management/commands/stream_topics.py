"""``manage.py stream_topics``: list topics, make, delete and trim one, and let a group go on elsewhere in it."""

from __future__ import annotations

import contextlib
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from .....exceptions import CounterError, described, quoted
from .....management.base import ExplainingCommand
from ... import clock, progress
from ...exceptions import TopicReplaced, UnknownTopic
from ...logs import get_log
from ...logs.base import Log
from ...models import Progress
from ...processor import Processor, get_processor, processors

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Command(ExplainingCommand):
    help = "List the topics of a log; make, delete or trim one, or set where a group goes on in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("topic", nargs="?", metavar="TOPIC", help="The topic; all are listed without it.")
        parser.add_argument("--log", default="default", metavar="ALIAS", help="The alias of the log.")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--partitions", type=int, metavar="N", help="Make the topic, with so many partitions.")
        what.add_argument("--delete", action="store_true", help="Delete the topic with all its messages.")
        what.add_argument(
            "--trim",
            metavar="AGE",
            help="Delete messages older than this, such as 7d or 12h, that all groups have applied.",
        )
        what.add_argument("--reset", metavar="GROUP", help="Let this group go on elsewhere; see --to.")
        parser.add_argument("--to", metavar="WHERE", help="Where: earliest, latest, or an offset in each partition.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._handle(get_log(options["log"]), options)
        except CounterError as error:
            raise CommandError(described(error)) from error

    def _handle(self, log: Log, options: dict[str, Any]) -> None:
        topic = options["topic"]
        if topic is None:
            if options["partitions"] or options["delete"] or options["trim"] or options["reset"]:
                raise CommandError("Name the topic.")
            self._list(log)
        elif options["partitions"] is not None:
            made = log.create_topic(topic, options["partitions"])
            self.stdout.write(f"{made.name}: made, with {made.partitions} partitions")
        elif options["delete"]:
            log.delete_topic(topic)
            self.stdout.write(f"{topic}: deleted")
        elif options["trim"]:
            self._trim(log, topic, options["trim"])
        elif options["reset"]:
            self._reset(get_processor(options["reset"]), topic, options["to"])
        else:
            self._show(log, topic)

    def _list(self, log: Log) -> None:
        for info in log.topics():
            with contextlib.suppress(UnknownTopic):  # deleted meanwhile
                messages = sum(log.ends(info.name).values()) - sum(log.begins(info.name).values())
                self.stdout.write(f"{info.name}: {info.partitions} partitions, {messages:,} messages")

    def _show(self, log: Log, topic: str) -> None:
        begins, ends = log.begins(topic), log.ends(topic)
        for number, end in ends.items():
            self.stdout.write(f"{topic}, partition {number}: offsets {begins[number]:,} to {end:,}")

    def _trim(self, log: Log, topic: str, age: str) -> None:
        if not log.supports_trim or log.using is None:
            raise CommandError(f"The log {quoted(log.alias)} deletes old messages by settings of its own.")
        floors: dict[int, int] = {}
        for one in processors():
            if one.log_alias == log.alias and topic in one.inputs:
                progress.prepare(one)
                rows = Progress.objects.using(one.using).filter(group=one.group, topic=topic)
                for partition, offset in rows.values_list("partition", "offset"):
                    floors[partition] = min(offset, floors.get(partition, offset))
        deleted = log.trim(topic, clock.now(connections[log.using]) - 1000 * seconds(age), floors)
        self.stdout.write(f"{topic}: {deleted:,} messages deleted")

    def _reset(self, processor: Processor, topic: str, to: str | None) -> None:
        if topic not in processor.inputs:
            raise CommandError(f"{quoted(topic)} is no input of the group {quoted(processor.group)}.")
        with contextlib.suppress(TopicReplaced):  # which this is to mend
            progress.prepare(processor)
        begins, ends = processor.log.begins(topic), processor.log.ends(topic)
        if to in ("earliest", "latest"):
            offsets = begins if to == "earliest" else ends
        elif to is not None and to.isdecimal():
            offsets = {number: min(max(int(to), begins[number]), end) for number, end in ends.items()}
        else:
            raise CommandError(f"--to must be earliest, latest, or an offset, not {quoted(to)}.")
        progress.reset(processor, topic, offsets)
        self.stdout.write(f"{processor.group}: goes on at {to} of {topic}")


def seconds(age: str) -> int:
    """The seconds of an age such as ``7d``."""
    if not age[:-1].isdecimal() or age[-1] not in UNITS:
        raise CommandError(f"--trim must be a number with s, m, h or d, such as 7d, not {quoted(age)}.")
    return int(age[:-1]) * UNITS[age[-1]]
