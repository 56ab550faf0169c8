"""``manage.py products_demo``: the tutorial's shop, by one command; without any server, or with real ones."""

import itertools
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from demo.management.command import HOST, DemoCommand, refuse_missing_server, refuse_taken_port
from demo.samples import NAMES, PASSWORD
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from ... import samples
from .. import servers
from ..visitor import Visitor

FLUSH_EVERY = 1
#: Of --check: how many products are added beside those that are refused, or become inactive.
ADDED = 10


class Command(DemoCommand):
    help = "Show the tutorial's shop: products that are added at once, finished in the background, and searched."

    def add_arguments(self, parser: CommandParser) -> None:
        environment = os.environ.get
        parser.add_argument(
            "--check",
            action="store_true",
            help="Add products, compare index and counters with the database, and end: status 0 if they agree.",
        )
        parser.add_argument("--port", type=int, default=8000, help="Where the site is served (8000).")
        parser.add_argument("--full", action="store_true", help="With Celery, a broker and a search engine.")
        parser.add_argument(
            "--broker",
            metavar="URL",
            default=environment("AMQP_URL") or environment("REDIS_URL"),
            help="Of --full: RabbitMQ or Redis, amqp://... or redis://... Default: AMQP_URL or REDIS_URL.",
        )
        parser.add_argument(
            "--search",
            metavar="URL",
            default=environment("OPENSEARCH_URL") or environment("ELASTICSEARCH_URL"),
            help="Of --full: OpenSearch or Elasticsearch. Default: OPENSEARCH_URL or ELASTICSEARCH_URL.",
        )
        parser.add_argument(
            "--database",
            metavar="URL",
            help="Of --full: a PostgreSQL; a database is made there, and dropped at the end. Default: an SQLite file.",
        )

    def run(self, options: dict[str, Any]) -> None:
        self.port, self.key, self.is_full = options["port"], f"demo-{secrets.token_hex(8)}", options["full"]
        refuse_missing_server()
        refuse_taken_port(self.port)
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self._places(options)}
        self.to_end("migrate", "--verbosity=0")
        self.to_end("search_index", "--create", stdout=subprocess.DEVNULL)
        self.to_end("products_samples")
        self._start()
        self._check() if options["check"] else self._show()

    def _places(self, options: dict[str, Any]) -> dict[str, str]:
        """Where this demo's data are, for the settings."""
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="notifications_counter-products-")))
        places = {
            "DEMO_DATABASE": str(folder / "products.sqlite3"),
            "DEMO_CACHE": str(folder / "cache"),
            "DEMO_API_KEYS": self.key,
            "DEMO_IMAGE_HOSTS": f"{HOST}:{self.port} localhost:{self.port}",
        }
        if not self.is_full:
            self.say(f"Database, with the search index in it: a new SQLite file, {places['DEMO_DATABASE']}")
            by = os.environ.get("DEMO_TASKS") or "threads of the site (with --full: Celery, and a search engine)"
            self.say(f"Tasks: {by}")
            return places
        for name in ("broker", "search"):
            if not options[name]:
                raise CommandError(f"--full needs --{name} URL. See --help.")
        with self.interrupts.held():
            return places | self._servers(options)

    def _servers(self, options: dict[str, Any]) -> dict[str, str]:
        broker = self.stack.enter_context(servers.broker(options["broker"]))
        engine = self.stack.enter_context(servers.engine(options["search"]))
        database = {}
        if options["database"]:
            database = self.stack.enter_context(servers.database(options["database"]))
        self.say(f"Database: {'a new one in PostgreSQL' if database else 'a new SQLite file'}")
        self.say(
            f"Tasks: Celery, on {servers.without_password(options['broker'])}, in the queue {broker['DEMO_QUEUE']}"
        )
        self.say(f"Search: {engine['DEMO_SEARCH']}, on {servers.without_password(options['search'])}")
        return broker | engine | database

    def _start(self) -> None:
        self.manage("notification_update_counter", f"--loop={FLUSH_EVERY}", "--verbosity=0")
        if self.is_full:
            queue = self.environment["DEMO_QUEUE"]
            for name, number in ((queue, 1), (f"{queue}_slow", 2)):
                options = ("-Q", name, "-c", str(number), "-n", f"{name}@%h", "--loglevel=ERROR", "--without-gossip")
                worker = ("-m", "celery", "--quiet", "-A", "products", "worker")
                self.start(*worker, *options, cwd=settings.BASE_DIR)
        self.server = self.start_server(self.port)
        self.visitor = Visitor(f"http://{HOST}:{self.port}", self.key)

    # The site

    def _show(self) -> None:
        self.serving = True
        self.say(f"\nThe shop: {self.visitor.base}/products/   user: {NAMES[0]}   password: {PASSWORD}")
        self.say(f"Its dashboard: {self.visitor.base}/products/dashboard/")
        self.say("Add a product by a program, and look on:\n")
        self.say(self._curl())
        self.say("\nCtrl-C ends everything and removes what was made.")
        raise CommandError(f"The server has ended by itself, with status {self.server.wait()}.")

    def _curl(self) -> str:
        return (
            f"curl -i {self.visitor.base}/products/ -H 'Authorization: Bearer {self.key}'"
            f" --data-urlencode 'title=Blue lamp' --data-urlencode 'image_url={self.visitor.picture('blue-lamp')}'"
        )

    # --check

    def _check(self) -> None:
        self.say(self._curl())
        wrong = [*self._refused(), *self._added()]
        for sentence in wrong:
            self.stderr.write(sentence)
        self.to_end("notification_update_counter", "--verbosity=0")
        self.to_end("search_index", "--check")
        self.to_end("products_compare")
        if wrong:
            self.say(f"WRONG: {len(wrong)} answers are not what they must be.")
            sys.exit(1)
        self.say("OK: index, counters and database agree.")

    def _refused(self) -> list[str]:
        """What the site says to what is wrong."""
        good = {"title": "Lamp", "image_url": self.visitor.picture("blue-lamp")}
        found = {
            "a wrong key": (self.visitor.ask("/products/", good, key="wrong"), 401),
            "no title": (self.visitor.ask("/products/", {**good, "title": ""}), 400),
            "another host": (self.visitor.ask("/products/", {**good, "image_url": "http://192.0.2.1/a.png"}), 400),
        }
        return [f"{name}: status {status}" for name, ((status, _, _), wanted) in found.items() if status != wanted]

    def _added(self) -> list[str]:
        """Products that must become active, and one that must not."""
        seconds, waiting, wrong = [], [], []
        pictures = itertools.islice(itertools.cycle(samples.PICTURES.items()), ADDED)
        wanted = [(picture, *what, 1) for picture, what in pictures] + [("nothing-there", "No picture", "", 0)]
        for picture, title, category, status in wanted:
            began = time.monotonic()
            answer, headers, _ = self.visitor.add(f"New {title.lower()}", picture, str(category))
            seconds.append(time.monotonic() - began)
            if answer == 202:
                waiting.append((title, headers["Location"], status))
            else:
                wrong.append(f"{title}: status {answer}")
        self.say(f"{len(wanted)} products added, each answered in {statistics.median(seconds) * 1000:.0f} ms (median)")
        for title, address, status in waiting:
            said = self.visitor.wait_for(address)
            if said["status"] != status:
                wrong.append(f"{title}: {said}")
        return wrong
