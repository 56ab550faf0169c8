"""A column in the table of a parent changes without the child: manage.py check refuses to count by it."""

from __future__ import annotations

import subprocess
import sys

from django.test import SimpleTestCase

from tests.support.base import ROOT, child_environment


class InheritedColumnsTest(SimpleTestCase):
    def test_manage_py_check_refuses_columns_of_a_parent(self) -> None:
        command = [sys.executable, "-m", "django", "check", "--settings=tests.wrong_sources.settings"]
        result = subprocess.run(command, cwd=ROOT, env=child_environment(), capture_output=True, text=True)
        found = (
            ("ByParentsKey", "city of wrong_sources.Place"),
            ("ByParentsFilter", "closed of wrong_sources.Place"),
            ("ByParentsSum", "seats of wrong_sources.Place"),
            ("ByGrandparent", "closed of wrong_sources.Place, stars of wrong_sources.Restaurant"),
            ("ByParentOfProxy", "chain of wrong_sources.Restaurant"),
        )
        sentences = [
            f"E080) wrong_sources.{name}.counter: a counter reads the table of its source, but {columns} is in"
            for name, columns in found
        ]
        sentences.append("E018) wrong_sources.ByTriggers.counter: a trigger on wrong_sources_restaurant cannot read")
        for sentence in sentences:
            with self.subTest(sentence):
                self.assertIn(sentence, result.stderr)
        self.assertEqual(result.stderr.count("(notifications_counter.E"), len(sentences), result.stderr)
        self.assertEqual(result.returncode, 1)
