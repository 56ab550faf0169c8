"""The tables of pending deltas, of progress and of what flushes did."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from ..declaration.keys import LONGEST_KEY
from ..exceptions import quoted
from ..fields import KeyField

#: The longest note of how far a walk over all keys is, which begins with what it walks over.
LONGEST_NOTE = len("counts:") + LONGEST_KEY


class Nothing(models.Manager[Any]):
    """The default manager of the package's own tables: what ``dumpdata`` takes rows from.

    A dump has the rows that are counted, which count once more where they are loaded. With what was pending, or with
    the progress of another database, they would count twice.
    """

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().none()


class Delta(models.Model):
    """A pending change of one key's count. Without an amount it is a request to recount its key."""

    id = models.BigAutoField(primary_key=True)
    counter = KeyField(max_length=150)
    key = KeyField(max_length=LONGEST_KEY)
    amount = models.BigIntegerField(null=True)
    #: The digest of the declaration by which it was counted; of events, and from triggers of before, none is known.
    declaration = models.CharField(max_length=16, null=True)  # noqa: DJ001

    dumped = Nothing()  # the default, because it is the first
    objects: ClassVar[models.Manager[Delta]] = models.Manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["counter", "key"], name="nc_pending")]

    def __str__(self) -> str:
        return f"{self.counter} {quoted(self.key)}: {self.amount}"


class RefusedKey(models.Model):
    """A key that the count model's table refuses: its deltas stay pending until a flush can add them."""

    id = models.BigAutoField(primary_key=True)
    counter = KeyField(max_length=150)
    key = KeyField(max_length=LONGEST_KEY)
    reason = models.TextField()
    tried_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["counter", "key"], name="nc_refused_key")]

    def __str__(self) -> str:
        return f"{self.counter} {self.key}: {self.reason}"


class Progress(models.Model):
    """How much of which batch of a counter's shard has been applied. Its row is the lock of every flush."""

    id = models.BigAutoField(primary_key=True)
    counter = KeyField(max_length=150)
    shard = models.IntegerField()
    backfilled = models.BooleanField(default=False)
    recounted_to = KeyField(max_length=LONGEST_NOTE, null=True)
    prefix = models.CharField(max_length=100, default="")
    shards = models.IntegerField(default=1)
    run_id = models.CharField(max_length=64, default="")
    batch = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    flushed_at = models.DateTimeField(null=True)
    flushed_keys = models.BigIntegerField(default=0)
    flushed_seconds = models.FloatField(default=0)
    lost_at = models.DateTimeField(null=True)
    audited_to = KeyField(max_length=LONGEST_NOTE, null=True)
    audited_at = models.DateTimeField(null=True)
    audit_keys = models.BigIntegerField(default=0)
    drift_at = models.DateTimeField(null=True)
    drift_keys = models.BigIntegerField(default=0)
    drift_amount = models.BigIntegerField(default=0)
    #: The digest of the declaration by which the stored counts are made, when a process that has it was last heard of,
    #: and those that it was before.
    declaration = models.CharField(max_length=16, null=True)  # noqa: DJ001
    declared_at = models.DateTimeField(null=True)
    former_declarations = models.TextField(null=True)  # noqa: DJ001

    dumped = Nothing()
    objects: ClassVar[models.Manager[Progress]] = models.Manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["counter", "shard"], name="nc_progress_row")]

    def __str__(self) -> str:
        return f"{self.counter}/{self.shard}: batch {self.batch}, {self.position} of {self.size}"


class FlushRecord(models.Model):
    """What the flushes of one counter did within one minute in which they changed anything."""

    id = models.BigAutoField(primary_key=True)
    counter = KeyField(max_length=150)
    minute = models.DateTimeField()
    flushes = models.BigIntegerField(default=0)
    keys = models.BigIntegerField(default=0)
    recounted = models.BigIntegerField(default=0)
    drifted = models.BigIntegerField(default=0)
    problems = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)

    dumped = Nothing()
    objects: ClassVar[models.Manager[FlushRecord]] = models.Manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["counter", "minute"], name="nc_flush_record")]

    def __str__(self) -> str:
        return f"{self.counter} at {self.minute:%Y-%m-%d %H:%M}: {self.keys}"
