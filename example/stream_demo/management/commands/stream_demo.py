"""``manage.py stream_demo``: goka's second example, each part a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from demo.management.command import HOST, DemoCommand, refuse_missing_server, refuse_taken_port
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from ...streams import PARTITIONS, TOPIC, USERS, processor

PROCESSORS = 2
#: Of --check: how many clicks, how many a second, and after how many seconds a processor is killed.
CLICKS = 300
RATE = 60
KILL_AFTER = 2.0
#: Seconds in which all clicks must be counted after the last one was emitted.
SECONDS_TO_COUNT = 60


class Command(DemoCommand):
    help = "Show a stream being counted: an emitter, two processors that share its partitions, and a view."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help=f"Emit {CLICKS} clicks, kill a processor meanwhile, and end: status 0 if every count is right.",
        )
        parser.add_argument(
            "--kafka", metavar="URL", help="A Kafka as host:port, in which the topic is made, and deleted at the end."
        )
        parser.add_argument("--port", type=int, default=9095, help="Where the view is served (9095).")

    def run(self, options: dict[str, Any]) -> None:
        self.port = options["port"]
        self.kafka = options["kafka"]
        refuse_missing_server()
        refuse_taken_port(self.port)
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="notifications_counter-streams-"))
        database = str(Path(folder) / "streams.sqlite3")
        places = {"DEMO_DATABASE": database, "DEMO_URLCONF": "stream_demo.urls", "DEMO_SESSION_TIMEOUT": "3"}
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1", **places}
        if self.kafka:
            self.environment["DEMO_KAFKA"] = self.kafka.removeprefix("kafka://")
            self.say(f"Kafka: {self.kafka}. Database: a new SQLite file, {database}")
        else:
            self.say(f"Database, and the log in it: a new SQLite file, {database}")
        self.to_end("migrate", "--verbosity=0")
        self.to_end("stream_topics", TOPIC, f"--partitions={PARTITIONS}")
        if self.kafka:
            self.stack.callback(self._delete_topic)
        self.processors = [self.manage("stream_process", processor.group) for _ in range(PROCESSORS)]
        self.start_server(self.port)
        self._check() if options["check"] else self._show()

    def _delete_topic(self) -> None:
        """After the processors have ended: the database of the next run knows nothing of what is in it."""
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "stream_topics", TOPIC, "--delete"]
        subprocess.run(command, env=self.environment, stdout=subprocess.DEVNULL)

    # What is shown

    def _show(self) -> None:
        self.serving = True
        emitter = self.manage("stream_demo_emit", stdout=subprocess.DEVNULL)
        self.say(
            f"\nThe view: http://localhost:{self.port}/user-3   Who has which partition: http://localhost:{self.port}/"
        )
        self.say(f"Ten clicks a second of {USERS[0]} to {USERS[-1]} go to the topic {TOPIC}.")
        for process in self.processors:
            self.say(f"A processor of {processor.group}: kill -9 {process.pid} lets its partitions move")
        self.say("Ctrl-C ends everything and removes the database.")
        raise CommandError(f"The emitter has ended by itself, with status {emitter.wait()}.")

    def _check(self) -> None:
        options = (f"--number={CLICKS}", f"--rate={RATE}")
        emitter = self.manage("stream_demo_emit", *options, stdout=subprocess.PIPE)
        time.sleep(KILL_AFTER)
        self.processors[0].kill()
        self.say(f"Killed the processor {self.processors[0].pid}: the other one takes over its partitions")
        said, _ = emitter.communicate()
        if emitter.returncode:
            raise CommandError(f"The emitter has ended with status {emitter.returncode}.")
        emitted = json.loads(said)
        counted = self._counted(sum(emitted.values()))
        wrong = {user: (counted[user], emitted.get(user, 0)) for user in USERS if counted[user] != emitted.get(user, 0)}
        for user, (found, expected) in wrong.items():
            self.stderr.write(f"{user}: counted {found}, emitted {expected}")
        if wrong:
            self.say(f"WRONG: {len(wrong)} of {len(USERS)} counts differ from what was emitted.")
            sys.exit(1)
        self.say(f"OK: {sum(emitted.values())} clicks of {len(USERS)} users were emitted and counted, each once.")

    def _counted(self, number: int) -> dict[str, int]:
        """The counts, as the view tells them, when the processors have nothing left to do."""
        end = time.monotonic() + SECONDS_TO_COUNT
        while self._get("-/lag")["lag"] and time.monotonic() < end:
            time.sleep(0.2)
        return {user: (self._get(user) or {"Clicks": 0})["Clicks"] for user in USERS}

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{HOST}:{self.port}/{path}", timeout=10) as response:
            return json.load(response)
