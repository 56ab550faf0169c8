"""Elasticsearch 9, by its client elasticsearch."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ....exceptions import MissingExtra, quoted
from .engine.connection import RETRIES, Answer, Connection
from .engine.sink import EngineSink

try:
    from elasticsearch import ApiError, Elasticsearch, TransportError, UnsupportedProductError
    from elasticsearch.exceptions import ConnectionTimeout
except ImportError as error:
    raise MissingExtra("elasticsearch", "elasticsearch") from error

PORTS = {"http": 9200, "https": 443}


class ElasticsearchConnection(Connection):
    """The client of Elasticsearch, and what it raises."""

    product = "Elasticsearch"
    marks_until = "max_analyzed_offset"

    def new_client(self) -> Elasticsearch:
        # A time-out is not tried again: who waits for a page has waited long enough.
        options: dict[str, Any] = {"request_timeout": self.options.TIMEOUT, "max_retries": RETRIES}
        options |= {"retry_on_timeout": False, **self.options.OPTIONS}
        return Elasticsearch([_with_port(url) for url in self.urls], **options)

    def perform(
        self, client: Any, method: str, path: str, body: str | None, kind: str, params: dict[str, str], seconds: float
    ) -> Answer:
        headers = {"accept": "application/json", **({"content-type": kind} if body is not None else {})}
        try:
            asked = client.options(request_timeout=seconds)
            found = asked.perform_request(method, path, params=params, headers=headers, body=body)
        except ConnectionTimeout:
            raise self.silent(seconds) from None
        except UnsupportedProductError:
            raise self.unavailable("is another engine: see SINK.") from None
        except ApiError as error:
            return Answer(error.meta.status, error.body)
        except TransportError as error:
            raise self.unavailable(f"cannot be reached: {error}") from None
        return Answer(found.meta.status, found.body)

    def refusal(self, info: Any) -> str:
        if info.get("distribution"):
            return f"{quoted(info['distribution'])}: see SINK."
        if int(str(info["number"]).partition(".")[0]) < 9:
            return f"version {quoted(info['number'])}: 9 is the oldest that is supported."
        return ""


class ElasticsearchSink(EngineSink):
    """Keeps the documents on Elasticsearch.

    Args:
        options: the settings ``NOTIFICATIONS_COUNTER["SEARCH"]``, of which ``OPTIONS`` are the client's own.

    Raises:
        InvalidSettings: the client does not take them.
    """

    connection_class = ElasticsearchConnection


def _with_port(url: str) -> str:
    """A URL with the port that the client demands."""
    parts = urlsplit(url)
    return url if parts.port else parts._replace(netloc=f"{parts.netloc}:{PORTS[parts.scheme]}").geturl()
