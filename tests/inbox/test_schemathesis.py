"""Whatever schemathesis makes up from the OpenAPI document, a live server answers it as the document says."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from django.db import connection
from django.middleware.csrf import CSRF_SESSION_KEY
from django.test import LiveServerTestCase, override_settings, tag

from tests.support.base import uses_redis
from tests.support.walks import SEED, by_effort

from .api import ROOT, ApiTestCase

TOKEN = "t" * 32


#: The session; and what only the server can tell: whether a text is a cursor, a kind of the site, or printable.
CONFIG = """
[auth.openapi]
session = {{ api_key = "{session}" }}
csrf = {{ api_key = "{token}" }}

[[operations]]
include-operation-id = ["listNotifications", "changePreferences", "unmuteTargets"]
checks.positive_data_acceptance.expected-statuses = ["200", "400"]
"""


@tag("long")
@unittest.skipUnless(connection.vendor == "sqlite" and not uses_redis(), "the protocol is the same everywhere")
@override_settings(CSRF_USE_SESSIONS=True)  # one cookie is all that the configuration has room for
class SchemathesisTest(LiveServerTestCase, ApiTestCase):
    def run_it(self, *arguments: str) -> None:
        url = f"{self.live_server_url}{ROOT}"
        command = [sys.executable, "-m", "schemathesis.cli"]
        with tempfile.TemporaryDirectory() as folder:
            session = self.client.session
            session[CSRF_SESSION_KEY] = TOKEN
            session.save()
            (Path(folder) / "schemathesis.toml").write_text(CONFIG.format(session=session.session_key, token=TOKEN))
            command += ["run", f"{url}openapi.json", f"--url={url}", f"--seed={SEED}", "--no-color", *arguments]
            done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300)
        said = f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
        self.assertEqual(done.returncode, 0, said)
        self.assertNotIn("Authentication failed", said)

    def test_each_answer_is_as_described(self):
        self.make(5, kind="comment", actor=self.other, target=self.other, data={"a": [None]})
        self.run_it(f"--max-examples={by_effort(3, 10, 300)}", "--checks=all")
        self.assertEqual(self.client.get(f"{ROOT}unread/").status_code, 200)


def environment() -> dict[str, Any]:
    """Without what belongs to the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("NC_", "DJANGO_"))}
