"""A proxy on the loopback address that drops connections."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Iterator

from .servers import HOST

#: How many bytes are passed on at once.
PIECE = 65_536


class Proxy:
    """Passes bytes on, and drops some connections: before a request reaches the server, or in the middle of its reply.

    Attributes:
        requests: the part of the requests that is dropped.
        replies: the part of the replies of which half is passed on, after the server has done what it was asked for.
        dropped: how many were.
    """

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.listener = socket.create_server((HOST, 0))
        self.port: int = self.listener.getsockname()[1]
        self.requests = self.replies = 0.0
        self.dropped = 0
        self.random = random.Random(1)
        self.threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, function: object, *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments)  # type: ignore[arg-type]
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the end
            while True:
                client, _ = self.listener.accept()
                try:
                    server = socket.create_connection((HOST, self.server_port))
                except OSError:
                    client.close()
                    continue
                self._start(self._pass, client, server, True)
                self._start(self._pass, server, client, False)

    def _pass(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(PIECE):
                if self.random.random() < (self.requests if is_request else self.replies):
                    self.dropped += 1
                    target.sendall(b"" if is_request else data[: len(data) // 2])
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        if is_request:
            source.close()
            target.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(10)


@contextlib.contextmanager
def proxy(server_port: int) -> Iterator[Proxy]:
    """Its clients must have left before the block ends."""
    one = Proxy(server_port)
    try:
        yield one
    finally:
        one.close()
