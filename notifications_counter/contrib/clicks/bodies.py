"""What a message says: a click of ours, or no more than an address, as in the articles that this began with."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...exceptions import InvalidClick, described, quoted
from .addresses import normalise
from .recording import ClickEvent


class Refused(Exception):
    """A message cannot be counted, and says why."""


@dataclass(frozen=True)
class Read:
    """What was read.

    Attributes:
        event: the click.
        has_id: whether it can be told from another one by its id; else the id is made up.
    """

    event: ClickEvent
    has_id: bool


def read(message: Any, normalised: Callable[[str], str] = normalise) -> Read:
    """Read a message of Kombu's by its content type alone; its own decoding is never asked.

    Args:
        message: the message.
        normalised: gives an address as ``normalise`` does, which is what is called for each message without it.

    Raises:
        Refused: it is no click.
    """
    try:
        said = _decoded(message)
        if isinstance(said, dict):
            return Read(ClickEvent.from_dict(said, normalised), True)
        return _address(said, message.properties or {}, normalised)
    except (InvalidClick, UnicodeError, ValueError, RecursionError, OverflowError) as error:
        raise Refused(described(error)) from error


def _decoded(message: Any) -> Any:
    kind = (message.content_type or "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "text/plain", "application/octet-stream", "application/data", ""):
        raise Refused(f"its content type is {quoted(kind)}, not application/json or text/plain")
    if (message.headers or {}).get("compression"):
        raise Refused("it is compressed")
    body = message.body
    text = body if isinstance(body, str) else bytes(body).decode()
    return json.loads(text) if kind == "application/json" else text


def _address(url: Any, properties: dict[str, Any], normalised: Callable[[str], str]) -> Read:
    """A message of another program: its id, if it has one, and its moment, if it says one."""
    if not isinstance(url, str):
        raise Refused(f"{quoted(url)} is neither an address nor a click")
    given, sent_at = properties.get("message_id"), properties.get("timestamp")
    at = datetime.fromtimestamp(sent_at, UTC) if isinstance(sent_at, int) else sent_at
    at = at if isinstance(at, datetime) and at.tzinfo else datetime.now(UTC)
    key = id_of(str(given)) if given else uuid.uuid4().hex
    return Read(ClickEvent(key, normalised(url), False, at), bool(given))


def id_of(given: str) -> str:
    """The id of a click: as it was given, if it is a UUID, else its digest."""
    try:
        return uuid.UUID(given).hex
    except ValueError:
        digest = hashlib.sha256(given.encode(errors="surrogatepass")).digest()
        return uuid.UUID(bytes=digest[:16], version=5).hex  # MariaDB takes no UUID without a version
