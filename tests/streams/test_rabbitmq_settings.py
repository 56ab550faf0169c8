"""What can be wrong with the settings of a RabbitMQ is said before anybody asks it."""

from __future__ import annotations

import subprocess
import sys
import unittest
from typing import Any

from django.test import SimpleTestCase

from notifications_counter.contrib.streams import checks
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.exceptions import InvalidSettings

from ..support.base import ROOT, child_environment
from ..support.rabbitmq_streams import BACKEND, rstream, with_streams

URL = "rabbitmq-stream://guest:secret@localhost:5552/%2F"
WITHOUT = f"""
import sys
sys.modules["rstream"] = None
import django
django.setup()
from django.test import override_settings
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.exceptions import MissingExtra
logs = {{"default": {{"BACKEND": "{BACKEND}", "OPTIONS": {{"URL": "{URL}"}}}}}}
with override_settings(NOTIFICATIONS_COUNTER={{"STREAMS": {{"LOGS": logs}}}}):
    try:
        get_log()
    except MissingExtra as error:
        print(error)
"""


class RabbitMQSettingsTests(SimpleTestCase):
    def test_where_the_client_is_missing_the_error_says_how_to_install_it(self) -> None:
        environment = child_environment(DJANGO_SETTINGS_MODULE="tests.apps_settings")
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        self.assertIn("rstream is not installed. Install it with: ", done.stdout, done.stderr)
        self.assertIn("[rabbitmq-streams]", done.stdout)

    @unittest.skipIf(rstream is None, "needs rstream")
    def test_what_cannot_be_used_is_refused_with_the_name_of_the_option(self) -> None:
        for url in ("", "localhost:5552", "amqp://guest:secret@localhost", "rabbitmq-stream://guest:secret@:port/"):
            self.assert_refused("['URL'] must be like 'rabbitmq-stream://", url)
        self.assert_refused("['TIMEOUT'] must be a number of seconds above 0", TIMEOUT="soon")
        self.assert_refused("['ARGUMENTS'] must be a dictionary", ARGUMENTS="max-age=7D")
        self.assert_refused("Unknown option 'TIMEOUTS'. Did you mean 'TIMEOUT'?", TIMEOUTS=3)

    @unittest.skipIf(rstream is None, "needs rstream")
    def test_a_check_says_so(self) -> None:
        with with_streams("localhost"):
            (message,) = checks.check_settings()
        self.assertEqual(message.id, "notifications_counter.E120")
        self.assertIn("['URL']", message.msg)

    def assert_refused(self, said: str, url: str = URL, **options: Any) -> None:
        with with_streams(url, **options), self.assertRaisesMessage(InvalidSettings, said) as raised:
            get_log()
        self.assertNotIn("secret", str(raised.exception))
