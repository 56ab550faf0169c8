"""The test classes of one pair of a database and a buffer, shared out among the processes that run them.

A directory is all that these processes share: a class belongs to the one that could create its file there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Queue:
    """Each class is taken once, in the order in which all of these processes have them.

    Args:
        directory: of this pair alone.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def offer(self, number: int) -> None:
        """Say how many classes there are."""
        (self.directory / "offered").write_text(str(number))

    def take(self, place: int) -> bool:
        """Whether the class at a place is the caller's now."""
        if (self.directory / "closed").exists():
            return False
        try:
            os.close(os.open(self.directory / f"{place}.taken", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def close(self) -> None:
        """Nobody takes another class."""
        (self.directory / "closed").touch()

    @property
    def left(self) -> int:
        """How many classes nobody has taken; 0 while nobody knows how many there are."""
        try:
            offered = int((self.directory / "offered").read_text() or 0)
        except FileNotFoundError:
            return 0
        closed = (self.directory / "closed").exists()
        return 0 if closed else offered - len(list(self.directory.glob("*.taken")))

    def note(self, **record: Any) -> None:
        """Let runtests.py know something, whatever becomes of this process afterwards."""
        with (self.directory / f"{os.getpid()}.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")

    def failed(self) -> list[str]:
        """The classes of which a test has failed, or in which a process has died."""
        notes = self.notes()
        ended = {note["ended"]: note["failed"] for note in notes if "ended" in note}
        return sorted(note["began"] for note in notes if "began" in note and ended.get(note["began"], 1))

    def notes(self) -> list[dict[str, Any]]:
        return [json.loads(line) for file in self.directory.glob("*.jsonl") for line in file.open()]
