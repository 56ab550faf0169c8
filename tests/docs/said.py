"""What a page says will happen: the value in a comment behind a line of Python, and what a command prints."""

from __future__ import annotations

import ast
import io
import re
import tokenize

#: How a comment begins that is a value, and not only an explanation.
VALUE = re.compile(r"[-+\d'\"\[({]|(True|False|None|raises)\b")


def expected_of(code: str) -> dict[int, str]:
    """Line -> the value that its comment says, or ``raises NAME``.

    Raises:
        SyntaxError: a comment begins as a value does and is none.
    """
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    return {line: value_in(comment) for line, comment in comments.items() if VALUE.match(comment)}


def value_in(comment: str) -> str:
    """The value at the start of a comment; what follows a colon explains it."""
    if comment.startswith("raises "):
        return comment.partition(":")[0]
    ends = [found.start() for found in re.finditer(": ", comment)]
    for end in (len(comment), *ends):
        try:
            ast.parse(comment[:end], mode="eval")
        except SyntaxError:
            continue
        return comment[:end]
    raise SyntaxError(f"the comment {comment!r} begins as a value does; write 'VALUE: explanation', or other words")


def check_output(said: str, printed: str) -> str:
    """A sentence where a command has printed something else than the page says, numbers and spaces aside."""
    parts = [re.escape(normal(part)) for part in said.split("...")]
    if re.search(".*".join(parts), normal(printed), re.DOTALL):
        return ""
    return f"the page says:\n{said}\nbut the command printed:\n{printed}"


def normal(text: str) -> str:
    return " ".join(re.sub(r"\d[\d.,:]*", "#", text).split())
