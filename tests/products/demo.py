"""``products_demo`` as a process of its own, with a directory for what it leaves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from django.test import SimpleTestCase

from tests.support.base import ROOT
from tests.support.servers import HOST, free_port

MANAGE = [sys.executable, str(ROOT / "example" / "manage.py")]
SECONDS = 120
#: Of the environment, what would lead a demo elsewhere.
OTHERS = ("REDIS_URL", "AMQP_URL", "OPENSEARCH_URL", "ELASTICSEARCH_URL")

once = unittest.skipUnless(
    connection.vendor == "sqlite" and os.environ.get("NC_BUFFER") != "redis",
    "the demo has a database of its own: once is enough",
)


class DemoTestCase(SimpleTestCase):
    """Runs the demo of the shop."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.directory = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        python = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        cls.environment = {**os.environ, "PYTHONPATH": python, "TMPDIR": str(cls.directory)}
        for name in OTHERS:
            cls.environment.pop(name, None)

    @classmethod
    @contextmanager
    def demo(cls, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            [*MANAGE, "products_demo", *arguments],
            env={**cls.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    @classmethod
    def begin(cls, **environment: str) -> str:
        """Start a demo that ends with the class; what it has said until it serves."""
        cls.port = free_port()
        cls.url = f"http://{HOST}:{cls.port}"
        process = cls.enterClassContext(cls.demo(f"--port={cls.port}", **environment))
        said = ""
        assert process.stdout
        while "Ctrl-C ends" not in said:
            line = process.stdout.readline()
            assert line, f"the demo has ended: {said}"
            said += line
        cls.key = re.findall(r"Bearer (\S+)'", said)[0]
        cls.database = re.findall(r"\S+products\.sqlite3", said)[0]
        return said

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MANAGE, *arguments], env={**self.environment, **environment}, capture_output=True, text=True
        )
