"""The Redis of the layouts that have one: that of a buffer, or one of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ....buffers import buffers
from ....buffers.redis.client import NoScriptError, from_url, shown, texts
from ....buffers.redis.options import DEFAULTS
from ....buffers.redis.server import RedisServer
from ....exceptions import InvalidSettings
from ..conf import NAME, online_settings
from . import redis_alias

SCRIPTS = Path(__file__).with_name("scripts")
MEANWHILE = "Nobody is reported, and the last known minute is shown, until it answers again."


@cache
def script(name: str) -> tuple[str, str]:
    """A script as the server gets it, and under which it knows it."""
    text = (SCRIPTS / "common.lua").read_text() + (SCRIPTS / f"{name}.lua").read_text()
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Server:
    """Asks the Redis; while it does not answer, it is left alone for some seconds, which the log says once.

    Attributes:
        base: what all keys begin with. Its braces keep them together on one node of a cluster.
    """

    def __init__(self) -> None:
        alias, options = self._options()
        self.redis = RedisServer(alias, options, name="Who is online: Redis", meanwhile=MEANWHILE)
        prefix = DEFAULTS["PREFIX"] if alias == "" else buffers[alias].layout.prefix
        self.base = f"{prefix}:{{online}}"

    def _options(self) -> tuple[str, dict[str, Any]]:
        location, alias = online_settings().LOCATION, redis_alias()
        if location is not None:
            _check(location)
            return "", {**DEFAULTS, "URL": location}
        if alias is None:
            raise InvalidSettings(
                f"{NAME}['LAYOUT'] needs a Redis: configure a Redis buffer, or give {NAME} a LOCATION, such as"
                " 'redis://127.0.0.1:6379/1'."
            )
        return alias, dict(buffers[alias].options)

    def ask(self, question: Callable[[Any], Any], key: str = "") -> Any:
        """Ask the server.

        Args:
            question: takes the client.
            key: what it is about.

        Raises:
            BufferUnavailable: it does not answer, or did not answer a moment ago, or refuses.
        """
        return texts(self.redis.ask(key or self.base, lambda: question(self.redis.client)))

    def run(self, name: str, *arguments: Any, at: int | None = None) -> Any:
        """Run a script.

        Raises:
            BufferUnavailable: as ``ask``.
        """
        text, digest = script(name)
        values: Sequence[Any] = [self.base, "" if at is None else at, *arguments]

        def evaluate() -> Any:
            try:
                return self.redis.execute("EVALSHA", digest, 1, *values)
            except NoScriptError:
                return self.redis.execute("EVAL", text, 1, *values)

        return texts(self.redis.ask(self.base, evaluate))

    def close(self) -> None:
        """Let go of connections."""
        self.redis.close()


def _check(location: str) -> None:
    try:
        from_url("", location, DEFAULTS["TIMEOUT"]).close()
    except InvalidSettings:
        raise InvalidSettings(f"{NAME}['LOCATION'] is no URL of a Redis: {shown(location)!r}.") from None
