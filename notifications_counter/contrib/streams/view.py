"""Views: a table over HTTP, and in Python."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, path
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _

from ...exceptions import InvalidKey, InvalidSettings
from .codecs import JSON, Codec, codec_of
from .conf import streams_settings
from .models import Progress
from .partitioners import Partitioner, partitioner_of
from .processor import Processor, processors
from .status import status_of
from .tables import Table, table_of

#: The largest page, and the one without ``?limit=``.
MOST_ON_A_PAGE = 1_000
ON_A_PAGE = 100
#: The header that does what ``?wait=`` does.
WAIT_HEADER = "Wait-Offset"


class View:
    """The values of a table.

    Args:
        table: the model, its counter, or the processor whose table it is.
        codec: writes a value for an answer, ``"json"`` without one. With ``codecs.Field("Clicks")`` an answer is such
            as ``{"Clicks":153}``.
        missing_is_404: whether the answer for a key without a row is 404, not ``null``.
        partitioner: that of whoever emits, for ``?wait=``.
        wait_seconds: how long ``?wait=`` waits.
        using: the alias of the database, where no processor says it.

    Raises:
        InvalidSettings: one of these cannot be used.
    """

    def __init__(
        self,
        table: Any,
        codec: Any = "json",
        *,
        missing_is_404: bool = False,
        partitioner: str | Partitioner = "murmur2",
        wait_seconds: float = 10.0,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        self._processor = table if isinstance(table, Processor) else None
        self.table: Table = table.key_table() if isinstance(table, Processor) else table_of(table, using)
        if self.table.is_composite:
            raise InvalidSettings(f"{self.table.model._meta.label} has composite keys: read it through its counter.")
        self.codec: Codec = codec_of(codec)
        self.content_type: str = getattr(self.codec, "content_type", "application/octet-stream")
        self.missing_is_404 = missing_is_404
        self.partitioner = partitioner_of(partitioner)
        self.wait_seconds = wait_seconds

    @property
    def processor(self) -> Processor:
        """The processor whose table it is.

        Raises:
            InvalidSettings: there is none, or more than one.
        """
        found = [one for one in processors() if one.table is not None and one.table.model is self.table.model]
        if self._processor is None and len(found) != 1:
            raise InvalidSettings(
                f"{self.table.model._meta.label} is the table of {len(found)} processors, not of one."
            )
        return self._processor or found[0]

    def get(self, key: str) -> Any:
        """The value of a key: a count, the value of the only field, or a dictionary of fields.

        Args:
            key: the key.

        Returns:
            The value; None where the key has no row.
        """
        try:
            return self.table.get(key)
        except InvalidKey:
            return None

    # HTTP

    @property
    def urls(self) -> list[URLPattern]:
        """Patterns for ``include``: lists, one key, and below ``-/`` the state of the group."""
        return [
            path("", self._listed),
            path("-/ready", self._ready),
            path("-/lag", self._lag),
            path("<path:key>", self._one),
        ]

    def _one(self, request: HttpRequest, key: str) -> HttpResponseBase:
        if refused := self._refused(request) or self._waited(request, key):
            return refused
        value = self.get(key)
        if value is None:
            status = 404 if self.missing_is_404 else 200
            return self._answer(request, b"null", JSON.content_type, status)
        return self._answer(request, self.codec.encode(value), self.content_type)

    def _listed(self, request: HttpRequest) -> HttpResponseBase:
        limit = request.GET.get("limit", str(ON_A_PAGE))
        if refused := self._refused(request):
            return refused
        if self.content_type != JSON.content_type:
            return _problem(404, _("Values that are not JSON are not listed."))
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_ON_A_PAGE:
            return _problem(400, _("limit must be a number from 1 to %(most)d.") % {"most": MOST_ON_A_PAGE})
        rows = self.table.page(request.GET.get("prefix", ""), request.GET.get("after", ""), int(limit) + 1)
        page, more = rows[: int(limit)], len(rows) > int(limit)
        values = b",".join(JSON().encode(str(key)) + b":" + self.codec.encode(value) for key, value in page)
        after = JSON().encode(str(page[-1][0]) if more else None)
        return self._answer(request, b'{"values":{' + values + b'},"next":' + after + b"}", JSON.content_type)

    def _refused(self, request: HttpRequest) -> HttpResponse | None:
        return None if request.method in ("GET", "HEAD") else HttpResponseNotAllowed(["GET", "HEAD"])

    def _answer(self, request: HttpRequest, body: bytes, content_type: str, status: int = 200) -> HttpResponseBase:
        response = HttpResponse(body, content_type=content_type, status=status)
        response["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        response["Cache-Control"] = "no-cache"
        response["X-Content-Type-Options"] = "nosniff"
        if status != 200:
            return response
        return get_conditional_response(request, etag=response["ETag"], response=response) or response

    # Reading what one has emitted

    def _waited(self, request: HttpRequest, key: str) -> HttpResponse | None:
        """Wait for what the request asks for; an answer where that is nonsense, or takes too long."""
        wanted = request.GET.get("wait") or request.headers.get(WAIT_HEADER)
        if not wanted:
            return None
        topic, __, offset = wanted.rpartition(":")
        topic = topic or next(iter(self.processor.inputs))
        if not (offset.isascii() and offset.isdecimal() and len(offset) < 19) or topic not in self.processor.inputs:
            return _problem(400, _("wait must be an offset, or a topic of the group, a colon and an offset."))
        if not self.wait(key, int(offset), topic):
            return _problem(504, _("That offset has not been applied in time."))
        return None

    def wait(self, key: str, offset: int, topic: str | None = None, timeout: float | None = None) -> bool:
        """Wait until a message has been applied.

        Args:
            key: its key.
            offset: its offset, as ``Emitter.emit_sync`` says it.
            topic: its topic; the first input without it.
            timeout: seconds; ``wait_seconds`` without it.

        Returns:
            Whether it has been.
        """
        processor, interval = self.processor, streams_settings().POLL_INTERVAL / 4
        topic = topic or next(iter(processor.inputs))
        partition = self.partitioner(key, processor.log.topic(topic).partitions)
        rows = Progress.objects.using(processor.using).filter(
            group=processor.group, topic=topic, partition=partition, offset__gt=offset
        )
        give_up = time.monotonic() + (self.wait_seconds if timeout is None else timeout)
        while not rows.exists():
            if time.monotonic() > give_up:
                return False
            time.sleep(interval)
        return True

    # The state of the group

    def _ready(self, request: HttpRequest) -> HttpResponseBase:
        """200 where each partition is being processed, else 503."""
        if refused := self._refused(request):
            return refused
        found = status_of(self.processor)
        without = [f"{one.topic}/{one.partition}" for one in found if not one.owner]
        ready = bool(found) and not without
        return _state({"ready": ready, "without": without}, ready)

    def _lag(self, request: HttpRequest) -> HttpResponseBase:
        """How many messages are still to be applied; 503 where they are more than ``?max=``."""
        if refused := self._refused(request):
            return refused
        most = request.GET.get("max")
        if most is not None and not (most.isascii() and most.isdecimal()):
            return _problem(400, _("max must be a number of messages."))
        found = {f"{one.topic}/{one.partition}": one.lag for one in status_of(self.processor)}
        lag = sum(found.values())
        return _state({"lag": lag, "partitions": found}, most is None or lag <= int(most))


def _state(content: dict[str, Any], is_good: bool) -> HttpResponse:
    response = JsonResponse(content, status=200 if is_good else 503)
    response["Cache-Control"] = "no-store"
    return response


def _problem(status: int, said: str) -> HttpResponse:
    return JsonResponse({"error": said}, status=status)
