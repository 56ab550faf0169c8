"""How an engine is asked, and what is made of its refusals."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from .....exceptions import LONGEST_DESCRIPTION, InvalidSettings, quoted
from .....projections.documents import SinkUnavailable
from ...conf import NAME

#: What an engine is asked again after a connection broke: a pooled one may have been closed at the other end.
RETRIES = 1

#: Seconds for what no page waits for: making, refreshing and removing an index.
PATIENCE = 60.0

JSON, LINES = "application/json", "application/x-ndjson"


@dataclass(frozen=True)
class Answer:
    """What an engine has answered.

    Attributes:
        status: the status of HTTP.
        body: what was in it, of JSON; a text where it was none.
    """

    status: int
    body: Any


class Connection(ABC):
    """The client of one engine. It is made anew in each process, for a socket must not be shared.

    Args:
        options: the settings ``NOTIFICATIONS_COUNTER["SEARCH"]``.

    Raises:
        InvalidSettings: a URL is missing or none.
    """

    product: ClassVar[str]
    #: The name of the option of a search that marks words in long texts too.
    marks_until: ClassVar[str]

    def __init__(self, options: Any) -> None:
        self.options = options
        self.urls = [options.URL] if isinstance(options.URL, str) else list(options.URL or ())
        if not self.urls:
            raise InvalidSettings(f"{NAME}['URL'] must say where {self.product} is, such as 'http://localhost:9200'.")
        self.place, self._secrets = ", ".join(map(_place, self.urls)), _secrets(self.urls)
        self._process = 0
        self._client: Any = None
        self.version: tuple[int, ...] = ()
        self.make_client()  # which says what is wrong with the options

    @abstractmethod
    def new_client(self) -> Any:
        """A client of the vendor's."""

    @abstractmethod
    def perform(
        self, client: Any, method: str, path: str, body: str | None, kind: str, params: dict[str, str], seconds: float
    ) -> Answer:
        """Ask it.

        Raises:
            SinkUnavailable: there is no answer.
        """

    @abstractmethod
    def refusal(self, info: Any) -> str:
        """Why the server that has said so of itself is none that can be talked to; empty for one that can."""

    def make_client(self) -> Any:
        """The client of this process.

        Raises:
            InvalidSettings: it does not take its options.
        """
        if self._process != os.getpid():
            try:
                self._client = self.new_client()
            except Exception as error:  # whatever a client raises that does not know an option
                raise InvalidSettings(
                    f"{NAME}: the client of {self.product} does not take URL and OPTIONS as they are:"
                    f" {self.without_secrets(str(error))}"
                ) from None
            self.version, self._process = (), os.getpid()
        return self._client

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None = None,
        *,
        params: Mapping[str, str] | None = None,
        allow: Collection[int] = (),
        seconds: float | None = None,
    ) -> Answer:
        """Ask it, and refuse every status that is an error and not allowed.

        Args:
            method: the method of HTTP.
            path: begins with a slash.
            body: of JSON, or lines of it.
            params: of the query string.
            allow: statuses that are errors, and of use.
            seconds: how long to wait, where it is not ``TIMEOUT``.

        Raises:
            SinkUnavailable: there is no answer, or another one.
        """
        client = self.make_client()
        if not self.version:
            self._look_who_it_is(client)
        return self._ask(client, method, path, body, params or {}, allow, seconds)

    def _ask(
        self,
        client: Any,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None,
        params: Mapping[str, str],
        allow: Collection[int],
        seconds: float | None,
    ) -> Answer:
        kind = LINES if isinstance(body, str) else JSON
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        answer = self.perform(client, method, path, text, kind, dict(params), seconds or self.options.TIMEOUT)
        if not 200 <= answer.status < 300:
            if answer.status not in allow:
                raise self.unavailable(f"answers {answer.status}: {reason_of(answer.body)}")
        elif not isinstance(answer.body, Mapping):
            # An answer that ends among its headers is to HTTP one without a body.
            raise self.unavailable("has broken off its answer.")
        return answer

    def _look_who_it_is(self, client: Any) -> None:
        """Nothing is asked of a server before it is known to be this vendor's: another one might do it, and differ.

        Raises:
            SinkUnavailable: it is another one's, or too old.
        """
        info = self._ask(client, "GET", "/", None, {}, (), None).body
        try:
            number = str(info["version"]["number"])
            version = tuple(int(part) for part in number.partition("-")[0].split("."))
        except (KeyError, TypeError, ValueError):
            raise self.unavailable("does not say that it is one") from None
        if refusal := self.refusal(info["version"]):
            raise self.unavailable(f"is {refusal}")
        self.version = version

    def unavailable(self, what: str) -> SinkUnavailable:
        """The exception with a sentence, in which there is no password."""
        return SinkUnavailable(self.without_secrets(f"{self.product} at {self.place} {what}")[:LONGEST_DESCRIPTION])

    def silent(self, seconds: float) -> SinkUnavailable:
        """The exception for a server that does not answer in time."""
        return self.unavailable(f"does not answer within {seconds:g} s.")

    def without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def reason_of(body: Any) -> str:
    """Why an engine refuses, on one line."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, Mapping):
        causes = error.get("root_cause") or [error]
        found = causes[0] if isinstance(causes[0], Mapping) else error
        because = error.get("caused_by")
        because = because if isinstance(because, Mapping) else {}
        reasons = [str(one["reason"]) for one in (found, because) if one.get("reason")]
        error = f"{found.get('type', 'error')}: {': '.join(dict.fromkeys(reasons))}"
    return " ".join(str(error).split())[:LONGEST_DESCRIPTION]


def type_of(body: Any) -> str:
    """The name of an engine's error."""
    error = body.get("error") if isinstance(body, Mapping) else None
    return str(error.get("type", "")) if isinstance(error, Mapping) else ""


def _place(url: str) -> str:
    """A URL without user and password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidSettings(f"{NAME}['URL'] has a port or a host that is none.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidSettings(f"{NAME}['URL'] must begin with http:// or https://, not {quoted(parts.scheme + '://')}.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def _secrets(urls: list[str]) -> list[str]:
    found = [parts.password for parts in map(urlsplit, urls) if parts.password]
    return sorted({*found, *map(unquote, found)}, key=len, reverse=True)
