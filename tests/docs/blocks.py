"""The code blocks of a page of the documentation, with the comments before them that say how they are run.

Such a comment begins with one of ``MARKS``; readers do not see it:

``.. not run: REASON``
    The block is not run, and the reason is printed.
``.. run:``
    The Python code below it, indented, runs here: what the page takes for granted.
``.. checked only: REASON``
    Settings that cannot work here: ``manage.py check`` takes them, and then they are taken away again.
``.. output:``
    The block is what the command before it prints, except for numbers and ``...``.
``.. exits with: 1``
    The exit status of the block's last command.
``.. ends after: TEXT``
    The command goes on until it is told to end, which it is when it has printed this.
``.. serves: PORT``
    The command serves the site until the page ends, on another port than that, which may be taken.
``.. badge: TEXT``
    What the live badge of ada shows after the block, in the browser of ``test_quickstart``.
``.. file: PATH``
    The block is this file, as a caption says it where there are captions: not on GitHub, and not on an index.
``.. needs: PROGRAM``, ``.. needs: Django 6.0``
    The block is skipped where the program is not installed, or Django is older.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MARKS = ("not run", "run", "checked only", "output", "exits with", "ends after", "serves", "badge", "file", "needs")
DIRECTIVE = re.compile(r"^ *\.\. (?P<name>[a-z-]+):: ?(?P<argument>.*)$")
COMMENT = re.compile(rf"^ *\.\. (?P<mark>{'|'.join(MARKS)}):(?: (?P<said>.*))?$")
OPTION = re.compile(r"^:(?P<name>[a-z-]+): *(?P<value>.*)$")


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        page: the file, from the root of the project.
        line: where its first line of code stands there.
        language: as the page says it.
        text: the code.
        caption: the line above it; where it is a path, the block is a file, or what is added to one.
        marks: the comments before it, without the two dots.
    """

    page: str
    line: int
    language: str
    text: str
    caption: str = ""
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


class Page:
    """Reads one file, from its first line to its last."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(root))
        self.lines = path.read_text().splitlines()
        self.at = 0
        self.marks: dict[str, str] = {}

    def blocks(self) -> Iterator[Block]:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if comment := COMMENT.match(line):
                yield from self._comment(line, comment["mark"], comment["said"] or "")
            elif (directive := DIRECTIVE.match(line)) and directive["name"] in ("code-block", "literalinclude"):
                yield self._block(line, directive["name"], directive["argument"])
            elif line.rstrip().endswith("::") and not directive:
                raise ValueError(f"{self.name}:{self.at}: a block without a language; write '.. code-block:: shell'")
            elif line.strip() and self.marks:
                raise ValueError(f"{self.name}:{self.at}: no block follows the comment {self.marks}")

    def _comment(self, line: str, mark: str, said: str) -> Iterator[Block]:
        start, text = self._indented(line)
        if mark == "run":
            yield Block(self.name, start, "python", text, marks={"run": ""})
        else:
            self.marks[mark] = f"{said} {' '.join(text.split())}".strip()

    def _block(self, line: str, name: str, argument: str) -> Block:
        start, text = self._indented(line)
        options: dict[str, str] = {}
        lines = text.split("\n")
        while lines and (option := OPTION.match(lines[0])):
            options[option["name"]] = option["value"]
            lines, start = lines[1:], start + 1
        while lines and not lines[0].strip():
            lines, start = lines[1:], start + 1
        marks, self.marks = self.marks, {}
        caption = marks.pop("file", options.get("caption", ""))
        if name == "literalinclude":
            # A part of a module is shown, and not run: it has its own tests.
            language = "text" if "pyobject" in options else "python"
            return Block(self.name, start, language, (self.path.parent / argument).read_text(), caption, marks)
        return Block(self.name, start, argument, "\n".join(lines).rstrip() + "\n", caption, marks)

    def _indented(self, before: str) -> tuple[int, str]:
        """The lines that are indented deeper than the one before them, and the number of the first one."""
        indent = len(before) - len(before.lstrip())
        start = self.at
        while start < len(self.lines) and not self.lines[start].strip():
            start += 1
        end = start
        while end < len(self.lines) and _belongs(self.lines[end], indent):
            end += 1
        text = textwrap.dedent("\n".join(self.lines[start:end])).strip("\n")
        self.at = end if text else self.at
        return start + 1, text


def _belongs(line: str, indent: int) -> bool:
    return not line.strip() or len(line) - len(line.lstrip()) > indent


def blocks_of(path: Path, root: Path) -> list[Block]:
    """All blocks of a page, in their order.

    Raises:
        ValueError: a block has no language, or a comment stands before none.
    """
    return list(Page(path, root).blocks())
