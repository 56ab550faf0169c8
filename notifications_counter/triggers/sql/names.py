"""The names of triggers: whose they are and what is in them can be read from the name.

``notifications_counter_<app and model>_<hash of the label>_<hash of the SQL>_<what it is>``: 60 characters at most;
PostgreSQL allows 63, MariaDB 64.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

PREFIX = "notifications_counter_"
#: How LIKE finds candidates; the underlines in it match anything, ``PATTERN`` decides.
LIKE = f"{PREFIX}%"
PATTERN = re.compile(rf"{PREFIX}[a-z0-9_]*_(?P<label>[0-9a-f]{{8}})_(?P<sql>[0-9a-f]{{8}})_[a-z]{{3}}")


def digest(text: str) -> str:
    """Eight hexadecimal digits that stand for a text."""
    return blake2b(text.encode(), digest_size=4).hexdigest()


def stem(label: str, statements: Iterable[str]) -> str:
    """What the names of all triggers of a counter begin with.

    Args:
        label: the counter's label.
        statements: what creates them, under whatever names.
    """
    readable = re.sub(r"[^a-z0-9]+", "_", label.lower())[:16]
    return f"{PREFIX}{readable}_{digest(label)}_{digest(';'.join(statements))}"


def label_digest(name: str) -> str | None:
    """The hash of the label in a name; None where the name is not one of ours."""
    found = PATTERN.fullmatch(name)
    return found["label"] if found else None
