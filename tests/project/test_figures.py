"""The figures of the documentation are those that were measured."""

from django.test import SimpleTestCase

from benchmarks.tables import make
from tests.support.base import ROOT


class FiguresTest(SimpleTestCase):
    def test_the_tables_and_the_first_chart_are_made_from_what_was_measured(self) -> None:
        made = make(ROOT / "docs" / "benchmarks")
        tables = {"figures.rst", "targets.rst", "growth.rst", "bloat.rst"}
        self.assertEqual({target.name for target in made}, {*tables, "badge-read.svg"})
        for target, content in made.items():
            self.assertEqual(target.read_text(), content, "run python -m benchmarks.tables docs/benchmarks")
