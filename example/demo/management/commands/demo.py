"""``manage.py demo``: a database and perhaps a Redis of its own, the tour, and then the site with a flusher beside it.

Each part is a process of its own, as it would be on a real site, and ends with this one.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...samples import NAMES, PASSWORD
from ...servers import redis_server
from ..command import HOST, DemoCommand, refuse_missing_server, refuse_taken_port

FLUSH_EVERY = 10


class Command(DemoCommand):
    help = "Show notifications_counter at work: a tour that checks every count, and then the example site."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="End after the tour: status 0 if all counts are right."
        )
        parser.add_argument(
            "--redis", action="store_true", help="Use the Redis buffer, on REDIS_URL or a Valkey of its own."
        )
        parser.add_argument("--port", type=int, default=8000, help="Where the site is served (8000).")

    def run(self, options: dict[str, Any]) -> None:
        if not options["check"]:
            refuse_missing_server()
            refuse_taken_port(options["port"])
        # From where the shop takes pictures.
        own = f"{HOST}:{options['port']} localhost:{options['port']}"
        places = {"DEMO_IMAGE_HOSTS": own, **self._places(options["redis"])}
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1", **places}
        self.say("Migrating it, then the tour.")
        self.to_end("migrate", "--verbosity=0")
        self.to_end("demo_tour")
        if not options["check"]:
            self._serve(options["port"])

    def _places(self, redis: bool) -> dict[str, str]:
        """Where this demo's data are, for the settings."""
        directory = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="notifications_counter-demo-"))
        places = {"DEMO_DATABASE": str(Path(directory) / "demo.sqlite3")}
        self.say(f"Database: a new SQLite file, {places['DEMO_DATABASE']}")
        if redis:
            with self.interrupts.held():
                server = self.stack.enter_context(redis_server())
            self.say(f"Buffer: Redis, on {server.name}")
            return {**places, **server.environment}
        self.say("Buffer: a table of that database (with --redis: Redis)")
        return places

    # The site

    def _serve(self, port: int) -> None:
        self.manage("notification_update_counter", f"--loop={FLUSH_EVERY}", "--verbosity=0")
        server = self.start_server(port)
        self.serving = True
        self._say_where(port)
        raise CommandError(f"The server has ended by itself, with status {server.wait()}.")

    def _say_where(self, port: int) -> None:
        self.say(f"\nThe site: http://{HOST}:{port}/   user: {NAMES[0]}   password: {PASSWORD}")
        self.say(f"Other users, with the same password: {', '.join(NAMES[1:6])} and so on.")
        self.say("Open a second window beside it, and send notifications: the badge there counts.")
        self.say(f"The flusher: manage.py notification_update_counter --loop {FLUSH_EVERY}")
        self.say("Ctrl-C ends both and removes the database.")
