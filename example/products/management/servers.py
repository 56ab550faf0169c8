"""The servers of ``products_demo --full``: what is made there for the demo, and removed at its end."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit, urlunsplit

from demo.servers import without_password
from django.core.management.base import CommandError

INSTALL = "{name} is not installed. Install it with: python -m pip install '.[demo,{extra}]'"


@contextlib.contextmanager
def broker(url: str) -> Iterator[dict[str, str]]:
    """Queues of the demo's own on a RabbitMQ or a Redis."""
    try:
        import celery  # noqa: F401
        import kombu
    except ImportError:
        raise CommandError(INSTALL.format(name="Celery", extra="celery")) from None
    queue = f"products-{secrets.token_hex(4)}"
    with kombu.Connection(url, connect_timeout=5) as connection:
        try:
            connection.connect()
        except Exception as error:  # of the client of whichever broker it is
            raise CommandError(f"--broker {without_password(url)} cannot be used: {error}") from None
        try:
            yield {"DEMO_BROKER": url, "DEMO_QUEUE": queue}
        finally:
            for name in (queue, f"{queue}_slow"):
                with contextlib.suppress(Exception):
                    connection.default_channel.queue_delete(name)


@contextlib.contextmanager
def engine(url: str) -> Iterator[dict[str, str]]:
    """Indexes of the demo's own in an OpenSearch or an Elasticsearch."""
    try:
        version = json.loads(_ask(url, "GET", "/"))["version"]
    except (OSError, ValueError, KeyError) as error:
        raise CommandError(f"--search {without_password(url)} cannot be used: {error}") from None
    sink = "opensearch" if version.get("distribution") == "opensearch" else "elasticsearch"
    prefix = f"nc-demo-{secrets.token_hex(4)}-"
    try:
        yield {"DEMO_SEARCH": sink, "DEMO_SEARCH_URL": url, "DEMO_SEARCH_PREFIX": prefix}
    finally:
        with contextlib.suppress(OSError, ValueError):
            for one in json.loads(_ask(url, "GET", f"/_cat/indices/{prefix}*?format=json&expand_wildcards=all")):
                _ask(url, "DELETE", f"/{one['index']}")


def _ask(url: str, method: str, path: str) -> bytes:
    parts = urlsplit(url)
    request = urllib.request.Request(
        f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}{path}", method=method
    )
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: bytes = answer.read()
    return found


def with_name(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextlib.contextmanager
def database(url: str) -> Iterator[dict[str, str]]:
    """A database of the demo's own on a PostgreSQL."""
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        raise CommandError(f"--database must begin with postgresql://, not {without_password(url)[:100]}")
    try:
        import psycopg
        from psycopg import sql
    except ImportError:
        raise CommandError(
            "psycopg is not installed. Install it with: python -m pip install 'psycopg[binary]'"
        ) from None
    name = f"nc_products_{secrets.token_hex(4)}"
    try:
        # The one of the URL need not be there.
        connection = psycopg.connect(with_name(url, "postgres"), autocommit=True, connect_timeout=5)
    except psycopg.Error as error:
        raise CommandError(f"--database {without_password(url)} cannot be used: {error}") from None
    with connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield {"DEMO_DATABASE_URL": with_name(url, name)}
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
