"""Whatever is declared wrongly, ``manage.py check`` says so, and the other counters go on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import unittest
from functools import cache

from django.db import connection
from django.test import SimpleTestCase

from tests.support.base import ROOT, child_environment, uses_redis

MESSAGE = re.compile(r"\(notifications_counter\.([EW]\d\d\d)\) (wrong_declarations\.\w+\.\w+)(: .*(?:\n\tHINT: .*)?)")


@cache
def checked() -> subprocess.CompletedProcess[str]:
    return manage("check")


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "django", *arguments, "--settings=tests.wrong_declarations.settings"]
    return subprocess.run(command, cwd=ROOT, env=child_environment(), capture_output=True, text=True)


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = child_environment(**environment, DJANGO_SETTINGS_MODULE="tests.wrong_declarations.settings")
    command = [sys.executable, "-c", f"import django; django.setup()\n{program}"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def expected() -> dict[str, list[str]]:
    """What tests/wrong_declarations/models.py says, whose import needs the settings that have its app."""
    program = "import json; from tests.wrong_declarations.models import SAID; print(json.dumps(SAID))"
    done = run(program)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@unittest.skipIf(uses_redis(), "declarations are the same with every buffer")
class CheckTest(SimpleTestCase):
    maxDiff = None

    def test_each_wrong_declaration_is_said_with_the_value_and_what_to_do(self) -> None:
        self.assertFalse("Traceback" in checked().stderr, checked().stderr[-2000:])
        self.assertEqual(checked().returncode, 1)
        found = {label: (id, said) for id, label, said in MESSAGE.findall(checked().stderr)}
        for label, wanted in expected().items():
            with self.subTest(label):
                id, said = found.get(label, ("", ""))
                if label.endswith(".WithoutFractions.counter") and id in ("", "E062"):
                    continue  # two processes: one of them may have begun with a minute, as a constant would
                self.assertEqual(id, wanted[0] if wanted else "", said)
                for part in wanted[1:]:
                    self.assertIn(part, said)
                self.assertTrue(not wanted or "HINT:" in said, said)

    def test_django_says_nothing_of_a_source_that_is_not_there(self) -> None:
        self.assertNotIn("models.E022", checked().stderr)

    def test_nothing_is_said_twice_of_a_declaration(self) -> None:
        said = [label for id, label, _ in MESSAGE.findall(checked().stderr) if id.startswith("E")]
        self.assertEqual(sorted({label for label in said if said.count(label) > 1}), [])

    def test_no_command_ends_in_a_traceback(self) -> None:
        for command in ("notification_counter_status", "notification_update_counter", "showmigrations"):
            with self.subTest(command):
                said = manage(command).stderr
                self.assertFalse("Traceback" in said, said[-2000:])


#: On a database of its own, as the tables of the wrong declarations are in none that tests share.
PROGRAM = """
import io
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from notifications_counter.exceptions import InvalidSettings
from notifications_counter.flushing import flush_all
from tests.wrong_declarations.models import Ticket

call_command("migrate", verbosity=0, skip_checks=True, run_syncdb=True)
get = lambda name: apps.get_model("wrong_declarations", name).counter
ada = User.objects.create(username="ada")
Ticket.objects.create(assignee=ada)
Ticket.objects.bulk_create([Ticket(assignee=ada)])
print("right:", get("Right").value(ada))
for name in ("Misspelt", "ADict", "NoBoolean", "NoField", "Abstract"):
    try:
        get(name).value(ada)
    except InvalidSettings as error:
        print(error)
results = {result.label: result for result in flush_all()}
print("flushed:", results[get("Right").label].ok, results[get("Misspelt").label].error)
said = io.StringIO()
try:
    call_command("notification_recount", skip_checks=True, stdout=said)
except CommandError as error:
    print("recounted:", f"{get('Right').label}: " in said.getvalue(), get("Misspelt").label in str(error))
Ticket.objects.all().delete()
ada.delete()
"""


@unittest.skipUnless(connection.vendor == "sqlite" and not uses_redis(), "on a SQLite of its own")
class ReadyTest(SimpleTestCase):
    """Without the checks, as in a web process."""

    def test_the_right_counter_beside_them_counts_and_the_wrong_ones_refuse_to_be_read(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            own = {"NC_DATABASE_URL": f"sqlite:///{directory}/site.sqlite3", "NC_TEST_DATABASE_NAME": ""}
            done = run(PROGRAM, **own, NC_BUFFER="database", NC_WITH_ALL_BUFFERS="1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("right: 2\n", done.stdout)
        self.assertIn("wrong_declarations.Misspelt.counter: key: wrong_declarations.Ticket has no column", done.stdout)
        self.assertEqual(done.stdout.count("manage.py check says all of it."), 6, done.stdout)
        self.assertIn("flushed: True wrong_declarations.Misspelt.counter: key", done.stdout)
        self.assertIn("recounted: True True", done.stdout)
