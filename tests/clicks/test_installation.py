"""Without the extra, a site says what is missing, and how to install it."""

import subprocess
import sys

from django.test import SimpleTestCase

from tests.support.base import ROOT

IMPORTS = """
import importlib, sys
for missing, needing in [("ada_url", "addresses"), ("crawleruseragents", "crawlers"), ("is_bot", "crawlers")]:
    sys.modules[missing] = None  # as if it were not installed
    try:
        importlib.import_module(f"notifications_counter.contrib.clicks.{needing}")
    except Exception as error:
        print(type(error).__name__, error)
    del sys.modules[missing]
"""


class ExtraTests(SimpleTestCase):
    def test_each_package_that_is_missing_is_named_with_the_extra(self) -> None:
        command = [sys.executable, "-c", IMPORTS]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        for line, package in zip(done.stdout.splitlines(), ("ada-url", "crawler-user-agents", "is-bot"), strict=True):
            self.assertTrue(line.startswith(f"MissingExtra {package} is not installed. Install it with: "), line)
            self.assertIn("'.[clicks]'", line)
