"""OpenSearch 2 and 3, by the client opensearch-py."""

from __future__ import annotations

from typing import Any

from ....exceptions import MissingExtra, quoted
from .engine.connection import RETRIES, Answer, Connection
from .engine.mapping import ONE_THREAD_SINCE
from .engine.sink import EngineSink

try:
    from opensearchpy import OpenSearch
    from opensearchpy.exceptions import ConnectionError, ConnectionTimeout, SerializationError, TransportError
except ImportError as error:
    raise MissingExtra("opensearch-py", "opensearch") from error


class OpenSearchConnection(Connection):
    """The client of OpenSearch, and what it raises."""

    product = "OpenSearch"
    marks_until = "max_analyzer_offset"

    def new_client(self) -> OpenSearch:
        # A time-out is not tried again: who waits for a page has waited long enough.
        options = {"timeout": self.options.TIMEOUT, "max_retries": RETRIES, "retry_on_timeout": False}
        return OpenSearch(self.urls, **{**options, **self.options.OPTIONS})

    def perform(
        self, client: Any, method: str, path: str, body: str | None, kind: str, params: dict[str, str], seconds: float
    ) -> Answer:
        try:
            found = client.transport.perform_request(
                method, path, params=params, body=body, timeout=seconds, headers={"content-type": kind}
            )
        except ConnectionTimeout:
            raise self.silent(seconds) from None
        except (ConnectionError, SerializationError) as error:
            raise self.unavailable(f"cannot be reached: {error}") from None
        except TransportError as error:
            status = error.status_code
            if not isinstance(status, int):
                raise self.unavailable(f"cannot be reached: {error}") from None
            return Answer(status, error.info or error.error)
        return Answer(200, found)

    def refusal(self, info: Any) -> str:
        if info.get("distribution") != "opensearch":
            return f"another engine, version {quoted(info['number'])}: see SINK."
        if int(str(info["number"]).partition(".")[0]) < 2:
            return f"version {quoted(info['number'])}: 2 is the oldest that is supported."
        return ""


class OpenSearchSink(EngineSink):
    """Keeps the documents on OpenSearch.

    Args:
        options: the settings ``NOTIFICATIONS_COUNTER["SEARCH"]``, of which ``OPTIONS`` are the client's own.

    Raises:
        InvalidSettings: the client does not take them.
    """

    connection_class = OpenSearchConnection

    def one_thread(self) -> bool:
        return self.connection.version >= ONE_THREAD_SINCE
