"""A page that says something else than what happens is found out, with its line."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from textwrap import dedent

from django.test import SimpleTestCase

from .blocks import Block, blocks_of
from .pages import Run, project_for
from .said import check_output, expected_of
from .test_pages import ONCE


def blocks_in(text: str) -> list[Block]:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.rst"
        page.write_text(dedent(text))
        return blocks_of(page, Path(folder))


class ReadingTest(SimpleTestCase):
    def test_a_block_knows_its_line_caption_and_marks(self) -> None:
        (block,) = blocks_in(
            """
            Text.

            .. exits with: 1

            .. code-block:: shell
               :caption: a/b.sh

               false
            """
        )
        self.assertEqual((block.line, block.language, block.caption, block.text), (9, "shell", "a/b.sh", "false\n"))
        self.assertEqual(block.marks, {"exits with": "1"})

    def test_blocks_of_an_include_of_a_list_and_hidden_ones_are_found(self) -> None:
        blocks = blocks_in(
            """
            1. Do this:

               .. code-block:: python

                  a = 1

            .. run:

               b = 2
            """
        )
        self.assertEqual([block.text.strip() for block in blocks], ["a = 1", "b = 2"])

    def test_a_block_without_a_language_and_a_mark_without_a_block_are_refused(self) -> None:
        for text in ("Type this::\n\n   ls\n", ".. not run: it takes long\n\nText.\n"):
            with self.subTest(text), self.assertRaisesRegex(ValueError, r"^page\.rst:\d"):
                blocks_in(text)

    def test_a_comment_may_be_a_value_an_explained_value_or_words(self) -> None:
        code = "a  # 1\nb  # {1: 2}: so many\nc  # how many there are\nd()  # raises KeyError\n"
        self.assertEqual(expected_of(code), {1: "1", 2: "{1: 2}", 4: "raises KeyError"})
        with self.assertRaises(SyntaxError):
            expected_of("a  # True the first time\n")

    def test_numbers_and_dots_in_an_output_stand_for_any_others(self) -> None:
        self.assertEqual(check_output("3 keys ... in 0.01 s", "12 keys changed\n   in 4.5 s"), "")
        self.assertIn("the page says", check_output("3 keys", "3 rows"))


@unittest.skipUnless(ONCE, "runs with SQLite and the database buffer only")
class RunningTest(SimpleTestCase):
    """Each of these pages is wrong in its last block."""

    WRONG = {
        "value": ".. code-block:: python\n\n   x = 1\n   x  # 1\n   x + 1  # 3\n",
        "exception": ".. code-block:: python\n\n   int('1')  # raises ValueError\n",
        "error": ".. code-block:: python\n\n   int('a')\n",
        "status": ".. code-block:: shell\n\n   python manage.py check\n   python manage.py check --tag nothing\n",
        "output": ".. code-block:: shell\n\n   echo three\n\n.. output:\n\n.. code-block:: text\n\n   four\n",
        "crontab": ".. code-block:: text\n   :caption: crontab\n\n   * * * true\n",
    }

    def test_a_page_that_is_wrong_fails_and_says_where(self) -> None:
        with project_for(Path("none"), "site", needs_redis=False) as project:
            for what, text in self.WRONG.items():
                blocks = blocks_in(text)
                with self.subTest(what), self.assertRaisesRegex(AssertionError, f"^{blocks[-1].place}: "):
                    Run(project, self.must_not_skip).page(blocks)

    def must_not_skip(self, block: Block, reason: str) -> None:
        self.skipTest(reason)
