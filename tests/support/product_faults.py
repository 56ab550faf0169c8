"""The tutorial's shop while its Celery workers are killed: what must hold at the end."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from .rabbitmq import delete
from .servers import HOST, free_port

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "example"
KEY = "a-key"
POSTERS = 4

#: What is killed, and how often of a hundred times: a worker with all of its processes; its parent alone, whose
#: children go on for a moment; a child, in the middle of a task.
KINDS = {"worker": 40, "parent": 20, "child": 40}
#: What the host of the pictures does, and how often of a hundred times.
ANSWERS = {"good": 80, "slow": 8, "busy once": 6, "missing": 6}


class Host(BaseHTTPRequestHandler):
    """A host of pictures. The address says what it does."""

    def do_GET(self) -> None:
        answer, name = self.path.strip("/").split("/")
        asked: collections.Counter[str] = self.server.asked  # type: ignore[attr-defined]
        asked[name] += 1
        if answer == "slow":
            time.sleep(0.5)
        status = {"missing": 404, "busy-once": 503 if asked[name] == 1 else 200}.get(answer, 200)
        with contextlib.suppress(OSError):  # who has asked has been killed
            self.send_response(status)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(self.server.picture)  # type: ignore[attr-defined]

    def log_message(self, *args: Any) -> None:
        pass


@contextlib.contextmanager
def host_of(picture: bytes) -> Iterator[ThreadingHTTPServer]:
    """A host whose pictures are all the same."""
    with ThreadingHTTPServer((HOST, 0), Host) as server:
        server.daemon_threads = True
        server.asked, server.picture = collections.Counter(), picture  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@dataclass
class Faults:
    """One run.

    Attributes:
        broker: the URL of RabbitMQ.
        places: where the shop's data are, for the settings of the example.
        picture: the bytes of a picture.
        products: how many are added.
        kills: how often something is killed.
        seed: of what, and when.
    """

    broker: str
    places: dict[str, str]
    picture: bytes
    products: int
    kills: int
    seed: int
    killed: collections.Counter[str] = field(default_factory=collections.Counter)
    seconds: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Until everything is added, and everything that was added is done."""
        self.choose = random.Random(self.seed)
        with self.running():
            self._add_while_killing()
            self.wait_until(self._is_done, "products are never done", every=1.0)
            self.found = self.manage("products_compare")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The host of the pictures, the site, and the workers."""
        self.queue = f"products-test-{os.getpid()}"
        with contextlib.ExitStack() as stack:
            self.host = stack.enter_context(host_of(self.picture))
            self.errors = stack.enter_context(tempfile.TemporaryFile())
            self.port = free_port()
            self.environment = {
                **os.environ,
                **self.places,
                "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
                "DEMO_BROKER": self.broker,
                "DEMO_QUEUE": self.queue,
                "DEMO_API_KEYS": KEY,
                "DEMO_IMAGE_HOSTS": f"{HOST}:{self.host.server_port}",
            }
            stack.callback(delete, self.queue, f"{self.queue}_slow", url=self.broker)
            for command in (["migrate", "--verbosity=0"], ["search_index", "--create", "--verbosity=0"]):
                self.manage(*command)
            site = self._start("uvicorn", "asgi:application", f"--port={self.port}", "--log-level=warning")
            stack.callback(self._end, site)
            self.workers = [self._worker(place) for place in range(3)]
            stack.callback(lambda: [self._end(worker) for worker in self.workers])
            self.wait_until(self._answers, "the site does not answer")
            yield

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, str(EXAMPLE / "manage.py"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode and arguments[0] != "products_compare":
            raise AssertionError(f"{arguments}: {done.stdout}{done.stderr}")
        return f"{done.stdout}{done.stderr}".strip()

    # Processes

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=EXAMPLE,
            env=self.environment,
            stdout=self.errors,
            stderr=self.errors,
            start_new_session=True,
        )

    def _worker(self, place: int) -> subprocess.Popen[bytes]:
        """One for products that are to be saved, and the others for the slow work."""
        queue = f"{self.queue}_slow" if place else self.queue
        options = ("-Q", queue, "-c", "2", "-n", f"{place}-{time.monotonic_ns()}@test", "--loglevel=CRITICAL")
        return self._start("celery", "--quiet", "-A", "products", "worker", *options, "--without-gossip")

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    # Adding

    def _add_while_killing(self) -> None:
        kinds = [kind for kind, share in KINDS.items() for _ in range(max(1, round(share * self.kills / 100)))]
        self.choose.shuffle(kinds)
        answers = [name for name, share in ANSWERS.items() for _ in range(max(1, round(share * self.products / 100)))]
        self.choose.shuffle(answers)
        self.answers = answers[: self.products]
        with ThreadPoolExecutor(POSTERS) as posters:
            added = [posters.submit(self._add, place, answer) for place, answer in enumerate(self.answers)]
            for place, kind in enumerate(kinds):
                wanted = len(added) * (place + 1) // (len(kinds) + 1)
                self.wait_until(lambda wanted=wanted: sum(one.done() for one in added) >= wanted, "nothing is added")
                time.sleep(self.choose.random())
                self._kill(kind)
            for one in added:
                one.result()

    def _add(self, place: int, answer: str) -> None:
        address = f"http://{HOST}:{self.host.server_port}/{answer.replace(' ', '-')}/{place}"
        data = urlencode({"title": f"Product {place}", "image_url": address}).encode()
        began = time.monotonic()
        said = self.ask("/products/", data)
        self.seconds.append(time.monotonic() - began)
        assert said["status"] == 2, said
        # Such that the workers can follow, and are killed at work.
        time.sleep(max(0.0, self.pause - (time.monotonic() - began)))

    @property
    def pause(self) -> float:
        """Seconds between two products of a poster."""
        return POSTERS * max(0.05, 3.0 * self.kills / self.products)

    def ask(self, path: str, data: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
        request = urllib.request.Request(f"http://{HOST}:{self.port}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def _kill(self, kind: str) -> None:
        place = self.choose.randrange(len(self.workers))
        victim = self.workers[place]
        if kind == "child":
            children = Path(f"/proc/{victim.pid}/task/{victim.pid}/children").read_text().split()
            if not children:  # it has just been started
                kind = "worker"
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(self.choose.choice(children)), signal.SIGKILL)
        if kind == "parent":
            victim.kill()
            time.sleep(0.5)
        if kind != "child":
            self._end(victim)
            self.workers[place] = self._worker(place)
        self.killed[kind] += 1

    # The end

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            self.ask("/products/suggest/?q=a")
            return True
        return False

    def _is_done(self) -> bool:
        self.status = json.loads(self.manage("products_numbers"))
        return bool(self.status["active"] + self.status["inactive"] == self.products)

    def wait_until(self, condition: Any, said: str, every: float = 0.1) -> None:
        end = time.monotonic() + 600
        while not condition():
            if time.monotonic() > end:
                self.errors.seek(0)
                raise AssertionError(f"NC_SEED={self.seed}: {said}: {self.errors.read().decode()[-3000:]}")
            time.sleep(every)

    def problems(self) -> list[str]:
        """What does not hold."""
        missing = self.answers.count("missing")
        found = {
            "active products more than there must be": self.status["active"] - (self.products - missing),
            "inactive products more than there must be": self.status["inactive"] - missing,
            "titles that are there twice": self.status["active"] + self.status["inactive"] - self.status["titles"],
        }
        wrong = [f"{number} {what}" for what, number in found.items() if number]
        return wrong if ", 0 processing" in self.found and "; 0 differences" in self.found else [*wrong, self.found]

    def said(self) -> str:
        kills = ", ".join(f"{number} times a {kind}" for kind, number in sorted(self.killed.items()))
        again = sum(number - 1 for number in self.host.asked.values())  # type: ignore[attr-defined]
        return (
            f"NC_SEED={self.seed}: {self.products:,} products, {self.killed.total()} kills ({kills}); {again} pictures"
            f" were fetched once more; {self.status['active']:,} active, {self.status['inactive']} inactive"
        )
