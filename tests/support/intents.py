"""The intents of a key, as ``scripts/tokens.lua`` writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def write_intents(client: Any, base: str, key: str, tokens: Mapping[str, object]) -> None:
    """Leave intents of a key, instead of those that are there.

    Args:
        client: of the server.
        base: of the shard's keys.
        key: the key.
        tokens: token -> when it was left, in seconds, or "flagged" and that.
    """
    client.hset(f"{base}:intents", key, "".join(f";{token}={left}" for token, left in tokens.items()))


def parse_intents(text: str) -> dict[str, str]:
    """Token -> what was noted of it."""
    return dict(re.findall(";([^=]*)=([^;]*)", text))


def read_intents(client: Any, base: str, key: str) -> dict[str, str]:
    """The same of a key."""
    return parse_intents((client.hget(f"{base}:intents", key) or b"").decode())
