"""What can be wrong with the settings of a Kafka is said before anybody asks it."""

from __future__ import annotations

import subprocess
import sys
import unittest
from typing import Any

from django.test import SimpleTestCase

from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.exceptions import InvalidSettings

from ..support.base import ROOT, child_environment
from ..support.kafka import BACKEND, confluent_kafka, with_kafka

WITHOUT = f"""
import sys
sys.modules["confluent_kafka"] = None
import django
django.setup()
from django.test import override_settings
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.exceptions import MissingExtra
logs = {{"default": {{"BACKEND": "{BACKEND}", "OPTIONS": {{"SERVERS": "localhost:9092"}}}}}}
with override_settings(NOTIFICATIONS_COUNTER={{"STREAMS": {{"LOGS": logs}}}}):
    try:
        get_log()
    except MissingExtra as error:
        print(error)
"""


class KafkaSettingsTests(SimpleTestCase):
    def test_where_the_client_is_missing_the_error_says_how_to_install_it(self) -> None:
        environment = child_environment(DJANGO_SETTINGS_MODULE="tests.apps_settings")
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        self.assertIn("confluent-kafka is not installed. Install it with: ", done.stdout, done.stderr)
        self.assertIn("[kafka]", done.stdout)

    @unittest.skipIf(confluent_kafka is None, "needs confluent-kafka")
    def test_what_cannot_be_used_is_refused_with_the_name_of_the_option(self) -> None:
        self.assert_refused("['SERVERS'] must name brokers", servers="")
        self.assert_refused("['REPLICATION'] must be at least 1", REPLICATION=0)
        self.assert_refused("['TIMEOUT'] must be a number of seconds above 0", TIMEOUT="soon")
        self.assert_refused("Unknown protocol 'clasic'. Did you mean 'classic'?", GROUP_PROTOCOL="clasic")
        self.assert_refused("['CLIENT'] must be a dictionary", CLIENT="acks=all")
        self.assert_refused("['CLIENT']['acks'] cannot be set", CLIENT={"acks": "1"})
        self.assert_refused("['CLIENT']['auto.offset.reset'] cannot be set", CLIENT={"auto.offset.reset": "latest"})

    @unittest.skipIf(confluent_kafka is None, "needs confluent-kafka")
    def test_a_setting_that_the_client_does_not_know_is_named(self) -> None:
        wrong = with_kafka("localhost:1", CLIENT={"securty.protocol": "SSL"})
        with wrong, self.assertRaisesMessage(InvalidSettings, "securty.protocol"):
            get_log().topics()

    def assert_refused(self, said: str, servers: str = "localhost:9092", **options: Any) -> None:
        with with_kafka(servers, **options), self.assertRaisesMessage(InvalidSettings, said):
            get_log()
