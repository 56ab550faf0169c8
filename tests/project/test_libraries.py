"""The table of libraries in the documentation is made of what was seen."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.test import SimpleTestCase

from tests.suites.libraries.__main__ import keep
from tests.suites.libraries.table import write
from tests.support.base import ROOT

TABLES = ROOT / "docs" / "tables"


class TableTest(SimpleTestCase):
    def test_each_row_is_one_that_was_tried_with_all_databases_and_captures(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            results, table = Path(name) / "results.json", Path(name) / "table.rst"
            results.write_text((TABLES / "libraries.json").read_text())
            tried = keep(results, [])
            write(table, tried)
            self.assertEqual((TABLES / "libraries.rst").read_text(), table.read_text())
        self.assertFalse([problem for each in tried for problem in each.problems()])
