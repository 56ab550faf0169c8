"""Real search engines for tests: one at a time, for memory's sake, which ends with this process at the latest."""

from __future__ import annotations

import atexit
import contextlib
import os
import unittest
from typing import Any

from django.db import connection
from django.test import tag

from tests.servers import elasticsearch, opensearch
from tests.servers.engine_node import Build, EngineMissing, Node, running

from .base import uses_redis

IN_CI = os.environ.get("CI") == "true"

OPENSEARCH_3 = opensearch.BUILDS["3.9.0"]
OPENSEARCH_2 = opensearch.BUILDS["2.19.6"]
ELASTICSEARCH = elasticsearch.BUILDS[elasticsearch.VERSION]

_running: dict[Build, Node | str] = {}
_stack = contextlib.ExitStack()
atexit.register(_stack.close)


def once(case: Any) -> Any:
    """For what asks no database: on SQLite."""
    is_first = connection.vendor == "sqlite" and not uses_redis()
    return unittest.skipUnless(is_first, "a search engine: with SQLite and the database buffer only")(case)


def once_in_full(case: Any) -> Any:
    """The same, with --all."""
    return tag("long")(once(case))


def shared(build: Build) -> Node:
    """The node of a build. That of another build ends.

    Raises:
        SkipTest: this machine has no JDK or Maven; in CI, that is an error.
    """
    if not isinstance(_running.get(build), Node | str):
        _stack.close()
        _running.clear()
        try:
            _running[build] = _stack.enter_context(running(build))
        except EngineMissing as error:
            _running[build] = str(error)
    found = _running[build]
    if isinstance(found, Node):
        return found
    if IN_CI:
        raise AssertionError(f"The tests need {build.product} {build.version}, but: {found}.")
    raise unittest.SkipTest(f"no {build.product} {build.version}: {found}")
