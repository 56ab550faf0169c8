"""One package, in a process of its own; prints JSON.

python -m tests.suites.search_packages.run INDEX DIRECTORY [--walk SEED NUMBER | --change SEED NUMBER]
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from .documents import differences, wanted

APP = "tests.suites.search_packages"


def main() -> None:
    name, directory, *mode = sys.argv[1:]
    index = import_module(f"{APP}.indexes.{name}")
    set_up(index, Path(directory))
    kinds, walking = import_module(f"{APP}.kinds"), import_module(f"{APP}.walking")
    if mode[:1] == ["--change"]:
        raw_sql = os.environ["NC_SUITES_CAPTURE"] != "signals"
        print(json.dumps(walking.change(int(mode[1]), int(mode[2]), raw_sql)))
        return
    call_command("migrate", run_syncdb=True, verbosity=0)
    if mode[:1] == ["--walk"]:
        begin(index, kinds)
        print(json.dumps(walking.walk(index, name, Path(directory), int(mode[1]), int(mode[2]))))
        return
    wrong = {kind: found for kind, steps in kinds.KINDS.items() if (found := next(problems(index, kinds, steps), ""))}
    print(json.dumps({"database": database(), "kinds": list(kinds.KINDS), "wrong": wrong}))


def set_up(index: Any, directory: Path) -> None:
    own = index.settings(directory)
    installed = ["django.contrib.contenttypes", "django.contrib.auth", *own.pop("INSTALLED_APPS"), APP]
    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(directory / "rows.sqlite3"),
        "OPTIONS": {"timeout": 60, "transaction_mode": "IMMEDIATE"},
    }
    settings.configure(
        SECRET_KEY="only for tests",
        USE_TZ=True,
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=installed,
        **own,
    )
    django.setup()
    index.connect()


def database() -> str:
    """The database of the rows, in which this tree's documents are too."""
    return f"{connection.display_name} {'.'.join(map(str, connection.get_database_version()))}"


def problems(index: Any, kinds: Any, steps: Callable[[], Iterator[None]]) -> Iterator[str]:
    """What is wrong after the steps of one kind, which begins with an index that was made anew."""
    begin(index, kinds)
    left = steps()
    for number in count(1):
        try:
            if next(left, "done") == "done":
                return
        except Exception as error:
            yield f"step {number} raises {type(error).__name__}: {str(error)[:200]}"
            return
        index.settle()
        yield from (f"step {number}: {one}" for one in differences(index.documents(), wanted()))


def begin(index: Any, kinds: Any) -> None:
    """The first rows, and an index that has them."""
    index.rebuild()
    kinds.begin()
    index.rebuild()
    if found := differences(index.documents(), wanted()):
        raise RuntimeError(f"The index was wrong before anything was changed: {found}")


if __name__ == "__main__":
    main()
