"""Settings that nobody reads, as their name is not quite right, are said by ``manage.py check``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from django.db import connection
from django.test import SimpleTestCase, tag

from tests.support.base import ROOT, child_environment, uses_redis


@unittest.skipUnless(connection.vendor == "sqlite" and not uses_redis(), "settings are the same with all of them")
@tag("long")
class NameCheckTest(SimpleTestCase):
    def said(self, line: str) -> str:
        """What is said of settings with one more line."""
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "more_settings.py").write_text(f"from tests.settings import *\n{line}\n")
            path = os.pathsep.join([directory, str(ROOT)])
            environment = child_environment(PYTHONPATH=path, DJANGO_SETTINGS_MODULE="more_settings")
            command = [sys.executable, "-m", "django", "check"]
            return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True).stderr

    def test_a_name_that_is_nearly_right_is_said(self) -> None:
        for name in (
            "NOTIFICATION_COUNTER",
            "NOTIFICATIONS_COUNTERS",
            "NOTIFICATION_COUNTERS",
            "NOTIFICATIONS_COUTNER",
            "NOTIFICATIONSCOUNTER",
            "notifications_counter",
        ):
            with self.subTest(name):
                said = self.said(f"{name} = {{'BADGE_MAX': 9}}")
                self.assertIn(f"(notifications_counter.W063) The setting {name} is not read.", said)
                self.assertIn("Did you mean NOTIFICATIONS_COUNTER?", said)

    def test_an_option_that_stands_by_itself_is_said(self) -> None:
        said = self.said("NOTIFICATIONS_COUNTER_AUDIT_INTERVAL = 60")
        self.assertIn("Did you mean NOTIFICATIONS_COUNTER['AUDIT_INTERVAL']?", said)

    def test_other_settings_are_left_alone(self) -> None:
        said = self.said("NOTIFICATIONS_USE_JSONFIELD = True; NOTIFICATIONS_NOTIFICATION_MODEL = ''; COUNTERS = {}")
        self.assertNotIn("W063", said)
