"""Versions of Django that nobody has tested are said by ``manage.py check``, and all places name the same ones."""

import re
import subprocess
import sys
from configparser import ConfigParser

import django
from django.test import SimpleTestCase

from notifications_counter.checks.versions import TESTED
from tests.support.base import ROOT, child_environment

CHECK = """
import sys, django
django.VERSION = ({version}, 0, "final", 0)
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check", "--fail-level", "WARNING"])
"""


class VersionTest(SimpleTestCase):
    def check(self, version: str) -> subprocess.CompletedProcess[str]:
        """``manage.py check`` of a Django that says that it is of this version."""
        return subprocess.run(
            [sys.executable, "-c", CHECK.format(version=version)],
            cwd=ROOT,
            env=child_environment(),
            capture_output=True,
            text=True,
        )

    def test_a_newer_and_an_older_django_than_were_tested_are_warned_of(self) -> None:
        for version, said in (("7, 0", "Django 7.0"), ("5, 1", "Django 5.1")):
            with self.subTest(version):
                done = self.check(version)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("notifications_counter.W025", done.stderr)
                self.assertIn(f"{said} was never tested with this version of the package, but 5.2 to 6.1", done.stderr)
                self.assertIn("manage.py notification_recount --check", done.stderr)

    def test_a_tested_django_passes(self) -> None:
        done = self.check("{}, {}".format(*django.VERSION[:2]))
        self.assertNotIn("W025", done.stderr)

    def test_what_is_tested_is_what_the_package_the_matrix_and_the_readme_name(self) -> None:
        oldest, newest = (".".join(map(str, series)) for series in TESTED)
        config = ConfigParser()
        config.read(ROOT / "setup.cfg")
        supported = re.findall(r"Framework :: Django :: (\d.*)", config["metadata"]["classifiers"])
        self.assertEqual((supported[0], supported[-1]), (oldest, newest))
        self.assertEqual(config["options"]["install_requires"].split(), [f"Django>={oldest}"])
        matrix = re.findall(r'\("3\.\d+", "(\d.\d)"\)', (ROOT / "noxfile.py").read_text())
        self.assertEqual(sorted(set(matrix)), supported)
        self.assertIn(f"{oldest} to {newest}", (ROOT / "README.rst").read_text())
