"""A client of server-sent events that reads what comes, with a clock."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings


class EventStream:
    """One stream, or whatever is answered instead of it.

    Args:
        url: of the site.
        session: the key of the session, in its cookie.
        path: of the stream.
        method: GET, or another one.
        event: the name that its events have.
        headers: more of them.
    """

    def __init__(
        self,
        url: str,
        session: str = "",
        path: str = "/inbox/live/",
        method: str = "GET",
        event: str = "unread",
        **headers: str,
    ) -> None:
        self.event = event
        address = urlsplit(url)
        self.connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"} if session else {}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, headers={**cookie, **sent})
        self.sock = self.connection.sock
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.comments = 0

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *error: object) -> None:
        self.response.close()
        self.connection.close()

    def next(self, seconds: float = 20) -> dict[str, Any] | None:
        """The next event, with its id as ``id``; None at the end of the stream.

        Raises:
            TimeoutError: nothing has come in time.
        """
        event: dict[str, str] = {}
        end = time.monotonic() + seconds
        while True:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                line = self.response.readline().decode()
            except (http.client.IncompleteRead, ConnectionError):
                return None
            if not line:
                return None
            if line == "\n" and event:
                assert event["event"] == self.event, event
                return {**json.loads(event["data"]), "id": event["id"]}
            if line.startswith(":"):
                self.comments += 1
            elif line != "\n":
                name, _, value = line.rstrip("\n").partition(": ")
                event[name] = value

    def until(self, seconds: float = 20, **numbers: int) -> float:
        """Wait for an event with certain numbers; for how many seconds that took."""
        began = time.monotonic()
        seen: list[Any] = []
        while time.monotonic() < began + seconds:
            event = self.next(began + seconds - time.monotonic())
            seen.append(event)
            assert event is not None, f"the stream has ended after {seen}"
            if numbers.items() <= event.items():
                return time.monotonic() - began
        raise AssertionError(f"{numbers} did not come, but {seen}")

    def ends_within(self, seconds: float) -> bool:
        """Whether the stream ends in time, whatever it says before."""
        try:
            while self.next(seconds) is not None:
                pass
        except TimeoutError:
            return False
        return True
