"""Every code block of README.rst and docs/ does what the page says."""

from __future__ import annotations

import os
import unittest
from pathlib import Path

from django.db import connection
from django.test import SimpleTestCase, tag

from .blocks import Block, blocks_of
from .pages import run_page
from .project import ROOT

#: A page works on projects of its own, whatever the database and buffer of this run are.
ONCE = connection.vendor == "sqlite" and os.environ.get("NC_BUFFER") != "redis"

#: Page -> what it begins with, where that is not a project in which the package is installed.
STARTS = {
    "installation": "new",
    "online": "new",
    "quickstart": "empty",
    "clicks": "empty",
    "third-party-models": "new",
    "migrating-from-django-notifications": "new",
    "fill-factor": "postgresql",
    "database-privileges": "postgresql",
}

#: Pages that run the tests of a project, or wait for a flush by a scheduler.
LONG = {"testing", "flushing"}

#: Pages about what the package cannot do yet.
PENDING: set[str] = set()

#: So many blocks of all pages, and no more, may have a reason not to run.
NOT_RUN = 13


def pages() -> list[Path]:
    return [ROOT / "README.rst", *sorted((ROOT / "docs").glob("*.rst"))]


class PageTestCase(SimpleTestCase):
    page: Path

    def run_blocks(self) -> None:
        if self.page.stem in PENDING:
            self.skipTest("the package cannot do yet what the page is about")
        start = STARTS.get(self.page.stem, "site")
        if start == "postgresql" and not os.environ.get("POSTGRESQL_URL"):
            self.skipTest("needs a PostgreSQL at POSTGRESQL_URL")
        run_page(str(self.page.relative_to(ROOT)), start, self.skip_block)

    def skip_block(self, block: Block, reason: str) -> None:
        if "not run" not in block.marks:
            with self.subTest(block=block.place):
                self.skipTest(reason)


def test_case(page: Path) -> type[PageTestCase]:
    """A class of its own, so that processes can share the pages between them."""
    words = page.stem.lower().split("-")
    test = f"test_the_page_{'_'.join(words)}_does_what_it_says"
    return type(f"{''.join(map(str.title, words))}Test", (PageTestCase,), {"page": page, test: PageTestCase.run_blocks})


for _page in pages():
    _class = unittest.skipUnless(ONCE, "runs with SQLite and the database buffer only")(test_case(_page))
    _class = tag("long")(_class) if _page.stem in LONG else _class
    globals()[_class.__name__] = _class
del _class  # or the test runner would find it twice


class NotRunTest(SimpleTestCase):
    def test_few_blocks_are_not_run_and_each_says_why(self) -> None:
        blocks = [block for page in pages() for block in blocks_of(page, ROOT) if "not run" in block.marks]
        said = "\n".join(f"{block.place}: {block.marks['not run']}" for block in blocks)
        self.assertEqual([block.place for block in blocks if not block.marks["not run"]], [])
        self.assertLessEqual(len(blocks), NOT_RUN, said)
