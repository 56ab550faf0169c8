"""The tables of streams: topics and their messages in the database, and how far each group has got."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ...fields import KeyField

#: How long the name of a topic or a group may be: as Kafka's topics.
LONGEST_NAME = 249


class Topic(models.Model):
    """A topic of the embedded log."""

    name = KeyField(max_length=LONGEST_NAME, unique=True)
    #: Another one whenever a topic is made, whatever its name.
    uid = models.CharField(max_length=32)

    class Meta:
        db_table = "notifications_counter_streams_topic"

    def __str__(self) -> str:
        return str(self.name)


class Partition(models.Model):
    """A partition of a topic: whoever appends messages holds its row until the commit, so that offsets are dense."""

    topic = models.ForeignKey(Topic, models.CASCADE, related_name="partitions")
    number = models.IntegerField()
    #: The offset of the first message that is kept.
    begin = models.BigIntegerField(default=0)
    #: The offset of the next message.
    end = models.BigIntegerField(default=0)

    class Meta:
        db_table = "notifications_counter_streams_partition"
        constraints: ClassVar = [models.UniqueConstraint(fields=["topic", "number"], name="nc_streams_partition")]

    def __str__(self) -> str:
        return f"{self.topic_id}/{self.number}"


class Message(models.Model):
    """A message of the embedded log."""

    pk = models.CompositePrimaryKey("partition_id", "offset")
    partition = models.ForeignKey(Partition, models.CASCADE, db_index=False, db_constraint=False)  # begins the key
    offset = models.BigIntegerField()
    key = models.TextField(null=True)  # noqa: DJ001 - a message without a key differs from one with an empty key
    value = models.BinaryField(null=True)
    #: Milliseconds since 1970.
    timestamp = models.BigIntegerField()
    #: JSON: pairs of a name and of bytes as Latin-1; empty without any.
    headers = models.TextField(default="")

    class Meta:
        db_table = "notifications_counter_streams_message"

    def __str__(self) -> str:
        return f"{self.pk}"


class Group(models.Model):
    """A group of processors: its row is locked while its partitions are shared out."""

    name = KeyField(max_length=LONGEST_NAME, primary_key=True)

    class Meta:
        db_table = "notifications_counter_streams_group"

    def __str__(self) -> str:
        return str(self.name)


class Member(models.Model):
    """A running processor."""

    id = models.CharField(max_length=32, primary_key=True)
    group = models.ForeignKey(Group, models.CASCADE, related_name="members")
    host = models.CharField(max_length=255)
    process = models.BigIntegerField()
    #: Milliseconds since 1970, by the database's clock: until then its partitions are its own.
    expires_at = models.BigIntegerField()

    class Meta:
        db_table = "notifications_counter_streams_member"

    def __str__(self) -> str:
        return f"{self.host}:{self.process}"


class Progress(models.Model):
    """How far a group has got in a partition, and who goes on there."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="progress")
    topic = KeyField(max_length=LONGEST_NAME)
    partition = models.IntegerField()
    #: The identity of the topic whose offset this is.
    topic_uid = models.CharField(max_length=64)
    #: The offset of the next message that is to be applied.
    offset = models.BigIntegerField()
    #: Of Kafka: the epoch of the leader that wrote what was applied last, by which a log that was cut off is noticed.
    leader_epoch = models.IntegerField(null=True)
    #: Rises whenever a member takes the partition: one that has lost it can commit nothing more.
    generation = models.BigIntegerField(default=0)
    #: The member that has it; empty for nobody.
    owner = models.CharField(max_length=32, default="")
    #: How many messages were applied.
    messages = models.BigIntegerField(default=0)
    #: Messages a second, lately.
    rate = models.FloatField(default=0)
    #: Milliseconds since 1970; None before the first chunk.
    applied_at = models.BigIntegerField(null=True)

    class Meta:
        db_table = "notifications_counter_streams_progress"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "topic", "partition"], name="nc_streams_progress")
        ]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.topic}/{self.partition} at {self.offset}"


class Outbox(models.Model):
    """A message that was emitted in a transaction, until a log outside of the database has it."""

    #: In the message's header ``outbox-id``, so that one that was sent twice can be recognised.
    uid = models.CharField(max_length=32, unique=True)
    log = models.CharField(max_length=LONGEST_NAME)
    topic = models.CharField(max_length=LONGEST_NAME)
    #: Its name, or where the function is.
    partitioner = models.CharField(max_length=255)
    key = models.TextField()
    value = models.BinaryField(null=True)
    #: Milliseconds since 1970.
    timestamp = models.BigIntegerField()
    #: As of ``Message``.
    headers = models.TextField(default="")
    #: Milliseconds since 1970, by the database's clock: until then only one process sends it.
    claimed_until = models.BigIntegerField(db_index=True)
    #: Who does so, if it was not the one that has emitted it.
    claimed_by = models.CharField(max_length=32, default="")

    class Meta:
        db_table = "notifications_counter_streams_outbox"

    def __str__(self) -> str:
        return f"{self.uid}: {self.topic}"
