"""The scripts, each of which is one step, and what the names of their keys begin with."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).with_name("scripts")


#: Stands before the scripts of counters that have no groups; see ``groups.lua``.
NO_GROUPS = "local groups = false\n"

#: Where a script calls ``count.lua``.
COUNTS = "count(keys, deltas)"

#: The scripts of writers, which may have many arguments; see ``packed``.
PACKED = frozenset({"intend", "push", "add"})

#: From how many arguments on they are packed.
MANY = 50

#: Where a script calls ``tokens.lua``.
ASKS = re.compile(r"\b(take|is_asked)\(")

#: Where in a script something was refused, as messages of Redis 7 and Valkey end.
LINE = re.compile(r"@user_script:\s?(\d+)")

#: A command in a script.
COMMAND = re.compile(r"redis\.p?call\('(\w+)'")


class Base(str):
    """What the names of a shard's keys begin with.

    Attributes:
        has_groups: whether the keys are composite, so that scripts have groups to keep.
    """

    has_groups = False


def packed(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments of a script of ``PACKED``, of which it has more than one: as they are, or many as a single one."""
    return arguments if len(arguments) < MANY else (json.dumps(arguments, separators=(",", ":")),)


def script_parts(name: str, has_groups: bool = False) -> dict[str, str]:
    """A script and what stands before it, by name, in the order in which the server gets them.

    Args:
        name: the script's name.
        has_groups: whether it is for a counter with composite keys.
    """
    own = _read(name)
    parts = {"packed": _read("packed")} if name in PACKED else {}
    if has_groups or ASKS.search(own):
        parts["tokens"] = _read("tokens")
    parts["groups"] = _read("groups") if has_groups else NO_GROUPS
    if COUNTS in own:
        parts["count"] = _read("count")
    return {**parts, name: own}


def _read(name: str) -> str:
    return (SCRIPTS / f"{name}.lua").read_text()


@cache
def script_text(name: str, has_groups: bool = False) -> str:
    """A script as the server gets it; see ``script_parts``."""
    return "".join(script_parts(name, has_groups).values())


@cache
def script_hash(name: str, has_groups: bool = False) -> str:
    """Under which a server knows a script."""
    return hashlib.sha1(script_text(name, has_groups).encode(), usedforsecurity=False).hexdigest()


def evalsha(name: str, base: Base) -> tuple[str, ...]:
    """The command that runs a script on a shard, without its arguments."""
    return "EVALSHA", script_hash(name, base.has_groups), "1", base


def sent_evalsha(name: str, base: Base, arguments: Sequence[str]) -> bytes:
    """The whole command as it is sent: a client takes several times as long for it."""
    command = evalsha(name, base)
    return b"".join([b"*%d\r\n" % (len(command) + len(arguments)), _begun(command), *map(_sent, arguments)])


@cache
def _begun(command: tuple[str, ...]) -> bytes:
    return b"".join(map(_sent, command))


def _sent(value: str) -> bytes:
    """A string of a command, by https://valkey.io/topics/protocol/."""
    data = value.encode()
    return b"$%d\r\n%b\r\n" % (len(data), data)


def commands_at(name: str, has_groups: bool, message: str) -> str:
    """The commands of a script on the line that a message names; empty where it names none."""
    found = LINE.search(message)
    lines = script_text(name, has_groups).splitlines() if found else []
    line = int(found[1]) if found else 0
    return ", ".join(COMMAND.findall(lines[line - 1])) if 0 < line <= len(lines) else ""
