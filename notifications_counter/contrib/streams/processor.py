"""The declaration of a processor: what it reads, what it does with it, and where it keeps the outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models

from ...conf import is_integer
from ...exceptions import InvalidSettings, quoted, unknown
from .codecs import Codec, codec_of
from .conf import streams_settings
from .logs import get_log
from .logs.base import Log
from .models import LONGEST_NAME
from .partitioners import Partitioner, partitioner_of
from .tables import Table, table_of
from .windows import Window, window_of

#: Called with the context and the message, decoded.
Process = Callable[[Any, Any], object]

#: Called with the numbers of partitions.
OnPartitions = Callable[[list[int]], object]


@dataclass(frozen=True)
class Input:
    """A topic that a processor reads.

    Attributes:
        topic: the topic.
        codec: what its messages are.
        process: what is done with each of them; the processor's own function where it is None.
    """

    topic: str
    codec: Any = str
    process: Process | None = None


@dataclass(frozen=True)
class Output:
    """A topic into which a processor emits.

    Attributes:
        topic: the topic.
        codec: what its messages are.
        partitioner: as of ``Emitter``.
    """

    topic: str
    codec: Any = str
    partitioner: str | Partitioner = "murmur2"


#: All processors of this process, by their groups.
_processors: dict[str, Processor] = {}


class Processor:
    """A processor of a group: as many processes as there are partitions can run it at the same time.

    Declare it in the module ``streams`` of an installed app, where ``manage.py stream_process`` finds it.

    Args:
        group: the name of the group, under which it is remembered how far it has got.
        inputs: the topics: a name, an ``Input``, a sequence of these, or a dictionary of topic -> codec. All of them
            have the same number of partitions, so that all messages of a key meet in one process.
        process: called as ``process(ctx, message)`` with each message; may be left out for a table of counts, in which
            each message counts 1 for its key.
        table: the model with a row for each key, or the counter of one; see ``docs/streams.rst``.
        outputs: the topics into which ``ctx.emit`` emits, in the same forms.
        lookups: the models that ``ctx.lookup`` reads.
        loop: the codec of the group's own topic ``GROUP-loop``, into which ``ctx.loopback`` emits, and from which its
            messages come back, under whatever key.
        on_loop: called with the messages that come back; ``process`` without it.
        window: the length of the windows in which each message counts: a ``timedelta``. The table of counts has
            composite keys then: the key of the message, and the beginning of the window.
        dead_letters: a topic that takes the bytes of each message that cannot be processed, which would stop the
            processor otherwise.
        changes: an ``Output`` that takes the new value of each key of the table that has changed.
        on_assigned: called with the numbers of the partitions that this process has been given.
        on_revoked: called with the numbers of those that it has given up or lost.
        log: the alias of a log in the settings.
        using: the alias of the database that the table, and how far the group has got, are in.
        chunk_size: how many messages one transaction applies; ``CHUNK_SIZE`` of the settings without it.
        from_end: whether a group that is new begins with the messages that come from then on, not with all.

    Raises:
        InvalidSettings: something of this cannot be used.
    """

    def __init__(
        self,
        group: str,
        *,
        inputs: Any,
        process: Process | None = None,
        table: Any = None,
        outputs: Any = (),
        lookups: Iterable[type[models.Model]] = (),
        loop: Any = None,
        on_loop: Process | None = None,
        window: Any = None,
        dead_letters: str | None = None,
        changes: Output | None = None,
        on_assigned: OnPartitions | None = None,
        on_revoked: OnPartitions | None = None,
        log: str = "default",
        using: str = DEFAULT_DB_ALIAS,
        chunk_size: int | None = None,
        from_end: bool = False,
    ) -> None:
        if not isinstance(group, str) or not 0 < len(group) <= LONGEST_NAME:
            raise InvalidSettings(
                f"{quoted(group)} is no name of a group: use text of up to {LONGEST_NAME} characters."
            )
        self.group = group
        self.process = process
        self.table: Table | None = None if table is None else table_of(table, using)
        self.window: Window | None = window_of(window)
        self.inputs = {one.topic: one for one in _listed(Input, inputs, group)}
        self.outputs = {one.topic: one for one in _listed(Output, outputs, group)}
        if loop is not None:
            self.inputs[self.loop_topic] = Input(self.loop_topic, loop, on_loop)
            self.outputs[self.loop_topic] = Output(self.loop_topic, loop)
        self.has_loop = loop is not None
        self.codecs: dict[str, Codec] = {topic: codec_of(one.codec) for topic, one in self.inputs.items()}
        self.output_codecs: dict[str, Codec] = {topic: codec_of(one.codec) for topic, one in self.outputs.items()}
        self.partitioners = {topic: partitioner_of(one.partitioner) for topic, one in self.outputs.items()}
        if changes is not None:
            self.changes_codec = codec_of(changes.codec)
            self.partitioners[changes.topic] = partitioner_of(changes.partitioner)
        self.lookups = frozenset(lookups)
        self.dead_letters = dead_letters
        self.changes = changes
        self.on_assigned = on_assigned
        self.on_revoked = on_revoked
        self.log_alias = log
        self.using = using
        self._chunk_size = chunk_size
        self.from_end = from_end
        self._refuse_what_cannot_be()
        register(self)

    def _refuse_what_cannot_be(self) -> None:
        if not self.inputs:
            raise InvalidSettings(f"The processor {quoted(self.group)} has no inputs: name at least one topic.")
        if self._chunk_size is not None and (not is_integer(self._chunk_size) or self._chunk_size < 1):
            raise InvalidSettings(f"chunk_size of {quoted(self.group)} must be at least 1, not {self._chunk_size!r}.")
        counts = self.table is not None and self.table.counts
        for topic in self.inputs:
            if self.process_of(topic) is None and not counts:
                raise InvalidSettings(
                    f"The processor {quoted(self.group)} does nothing with the messages of {quoted(topic)}: give it"
                    " process=, or as table= a model with a Counter() of events."
                )
        if self.window is not None and (not counts or self.table is None or not self.table.is_composite):
            raise InvalidSettings(
                f"The windows of {quoted(self.group)} need a table of counts with a CompositePrimaryKey of two fields:"
                " the key, and a DateTimeField for the beginning of the window."
            )
        if self.changes is not None and self.table is None:
            raise InvalidSettings(f"changes of {quoted(self.group)} needs a table, whose changes they are.")

    @property
    def loop_topic(self) -> str:
        """The topic of the group's own whose messages come back."""
        return f"{self.group}-loop"

    @property
    def table_name(self) -> str:
        """What the group's table is called."""
        return f"{self.group}-table"

    def key_table(self) -> Table:
        """Its table, whose keys are those of messages.

        Raises:
            InvalidSettings: it has none, or one with composite keys.
        """
        if self.table is None:
            raise InvalidSettings(f"The processor {quoted(self.group)} has no table: give it table=.")
        if self.table.is_composite:
            raise InvalidSettings(f"{self.table.model._meta.label} has composite keys: read it through its counter.")
        return self.table

    @property
    def log(self) -> Log:
        """The log that its topics are in."""
        return get_log(self.log_alias)

    @property
    def chunk_size(self) -> int:
        """How many messages one transaction applies, at most."""
        return self._chunk_size or streams_settings().CHUNK_SIZE

    def process_of(self, topic: str) -> Process | None:
        """What is done with the messages of a topic; None where each counts 1 for its key."""
        return self.inputs[topic].process or self.process


def _listed(kind: type, given: Any, group: str) -> list[Any]:
    """Inputs or outputs, in whichever form they were given."""
    if isinstance(given, str | Input | Output):
        given = [given]
    if isinstance(given, Mapping):
        given = [one if isinstance(one, kind) else kind(topic, one) for topic, one in given.items()]
    found = [kind(one) if isinstance(one, str) else one for one in given]
    for one in found:
        if not isinstance(one, kind):
            raise InvalidSettings(f"{quoted(one)} of {quoted(group)} is neither a topic nor an {kind.__name__}.")
    return found


def register(processor: Processor) -> None:
    """Let the command find a processor.

    Raises:
        InvalidSettings: its group has one already.
    """
    if processor.group in _processors:
        raise InvalidSettings(f"There are two processors of the group {quoted(processor.group)}.")
    _processors[processor.group] = processor


def unregister(group: str) -> None:
    """Forget the processor of a group, for tests that declare their own."""
    _processors.pop(group, None)


def processors() -> list[Processor]:
    """All processors that are declared, by their groups."""
    return [_processors[group] for group in sorted(_processors)]


def get_processor(group: str) -> Processor:
    """The processor of a group.

    Raises:
        InvalidSettings: there is none.
    """
    if group not in _processors:
        advice = unknown("group", group, _processors) if _processors else f"There is no group {quoted(group)}."
        raise InvalidSettings(f"{advice} Declare its processor in the module streams of an installed app.")
    return _processors[group]
