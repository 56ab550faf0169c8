"""The tables of projections: what must be sent, how far each has got, and what a sink will not take."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ..fields import KeyField
from ..ledger.tables import Nothing

#: How long the label of a projection may be, ``app.Model.attribute``.
LONGEST_LABEL = 150


class OutdatedDocuments(models.Model):
    """Rows whose documents must be brought up to date: written in the transaction that has changed them.

    ``lookup`` is empty where ``keys`` has the rows' own primary keys as texts. Else it leads from those rows to
    others that have changed, and ``keys`` has what it must be equal to: which rows those are, the flush finds out,
    when everything that was committed before can be seen.
    """

    id = models.BigAutoField(primary_key=True)
    projection = KeyField(max_length=LONGEST_LABEL)
    lookup = models.CharField(max_length=250, default="", db_default="")
    #: A list, in JSON.
    keys = models.TextField()
    size = models.IntegerField(default=1, db_default=1)

    dumped = Nothing()  # the default, because it is the first
    objects: ClassVar[models.Manager[OutdatedDocuments]] = models.Manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["projection", "id"], name="nc_outdated")]

    def __str__(self) -> str:
        return f"{self.projection}: {self.size}"


class ProjectionProgress(models.Model):
    """How far the documents of a projection are. Its row is locked while rows are read, never while they are sent."""

    projection = KeyField(max_length=LONGEST_LABEL, primary_key=True)
    #: Raised before rows are read: of two documents of one row the one that was read later has the greater one.
    version = models.BigIntegerField(default=0)
    #: Whose documents the sink has: the database's identity when they were begun. Empty before there are all.
    identity = models.CharField(max_length=32, default="")
    #: What is being built, and up to which key it has all rows; empty where nothing is.
    building = models.CharField(max_length=255, default="")
    building_for = models.CharField(max_length=32, default="")
    walked_to = models.TextField(null=True)  # noqa: DJ001 - the empty text is a key
    walked = models.BigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    sent = models.BigIntegerField(default=0)
    #: Since when the sink takes nothing, and what it said.
    unavailable_since = models.DateTimeField(null=True)
    unavailable = models.TextField(default="")
    audited_to = models.TextField(null=True)  # noqa: DJ001
    audited_at = models.DateTimeField(null=True)
    audited = models.BigIntegerField(default=0)
    drift_at = models.DateTimeField(null=True)
    drifted = models.BigIntegerField(default=0)

    dumped = Nothing()
    objects: ClassVar[models.Manager[ProjectionProgress]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.projection}: version {self.version}"


class DocumentSetAside(models.Model):
    """A document that cannot be made, or that the sink refuses. It is tried again when its row changes, and hourly."""

    id = models.BigAutoField(primary_key=True)
    projection = KeyField(max_length=LONGEST_LABEL)
    key = KeyField(max_length=500)
    reason = models.TextField()
    tried_at = models.DateTimeField()

    dumped = Nothing()
    objects: ClassVar[models.Manager[DocumentSetAside]] = models.Manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["projection", "key"], name="nc_document_set_aside")]

    def __str__(self) -> str:
        return f"{self.projection} {self.key}: {self.reason}"
