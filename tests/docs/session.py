"""Runs consecutive blocks of a page in one process, as a reader would in one terminal and one shell of Python.

    python -m tests.docs.session STEPS.json

It works in the current directory, a Django project. At the first block that does not do what the page says it prints
the page, the line and what happened, and ends with status 1.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import inspect
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from .said import check_output, expected_of

#: Seconds that a command may take.
LIMIT = 60

Step = dict[str, Any]


class Differs(Exception):
    """A block did something else than the page says."""


class Session:
    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__page__"}
        self.printed = ""
        self.loop = asyncio.Runner()

    def run(self, step: Step) -> None:
        getattr(self, step["kind"])(step)

    # Python

    def python(self, step: Step) -> None:
        set_up()
        tree = ast.parse(step["text"])
        expected = expected_of(step["text"])
        for statement in tree.body:
            said = expected.get(statement.end_lineno or 0)
            ast.increment_lineno(statement, step["line"] - 1)
            if said and said.startswith("raises "):
                self._fail_as_said(step, statement, said.removeprefix("raises "))
            elif said is None or not isinstance(statement, ast.Expr):
                self._execute(step, statement)
            else:
                self._compare(step, statement, said)

    def _execute(self, step: Step, statement: ast.stmt) -> None:
        module = ast.Module([statement], type_ignores=[])
        self._eval(compile(module, step["page"], "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))

    def _fail_as_said(self, step: Step, statement: ast.stmt, name: str) -> None:
        try:
            self._execute(step, statement)
        except Exception as error:
            if type(error).__name__ != name:
                raise
        else:
            raise Differs(f"line {statement.lineno}: it does not raise {name}")

    def _compare(self, step: Step, statement: ast.Expr, said: str) -> None:
        expression = ast.Expression(statement.value)
        value = self._eval(compile(expression, step["page"], "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
        expected = eval(said, self.names)
        if isinstance(expected, list) and not isinstance(value, list):
            value = list(value)
        if value != expected:
            raise Differs(f"line {statement.lineno}: {ast.unparse(statement)} is {value!r}, not {said}")

    def _eval(self, code: Any) -> Any:
        value = eval(code, self.names)
        return self.loop.run(value) if code.co_flags & inspect.CO_COROUTINE else value

    # What a terminal runs

    def shell(self, step: Step) -> None:
        if step["until"]:
            self.printed = until(step["text"].strip(), step["until"])
            return
        lines = step["text"].replace("\\\n", " ").splitlines()
        commands = lines if all(map(is_managed, lines)) else [step["text"].strip()]
        for number, command in enumerate(commands, 1):
            wanted = int(step["status"]) if number == len(commands) else 0
            status, self.printed = in_process(command) if commands is lines else in_bash(command)
            if status != wanted:
                raise Differs(f"{command!r} ended with status {status}, not {wanted}:\n{self.printed}")

    def output(self, step: Step) -> None:
        if problem := check_output(step["text"], self.printed):
            raise Differs(problem)

    # Other languages

    def template(self, step: Step) -> None:
        set_up()
        from django.template import engines
        from django.test import RequestFactory

        request = RequestFactory().get("/")
        request.user = self.names["ada"]
        if not engines["django"].from_string(step["text"]).render({}, request).strip():
            raise Differs("the template shows nothing")

    def sql(self, step: Step) -> None:
        set_up()
        from django.db import connection

        with connection.cursor() as cursor:
            for statement in filter(str.strip, step["text"].split(";")):
                cursor.execute(statement)


def set_up() -> None:
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()


def is_managed(command: str) -> bool:
    """Whether a command is one of manage.py that can run here, which is faster than a process of its own."""
    alone = command.startswith("python manage.py test") or "--settings" in command or set(command) & set("|&;<>$`")
    return command.startswith("python manage.py ") and not alone


def in_process(command: str) -> tuple[int, str]:
    from django.core.management import ManagementUtility

    importlib.invalidate_caches()  # of packages that a command has made
    out, status = io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            ManagementUtility(shlex.split(command)[1:]).execute()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return status, out.getvalue()


def in_bash(command: str) -> tuple[int, str]:
    done = subprocess.run(["bash", "-e", "-c", command], stdout=-1, stderr=-2, text=True, timeout=LIMIT, check=False)
    return done.returncode, done.stdout


def until(command: str, text: str) -> str:
    """Run a command that goes on until it is told to end; what it has printed."""
    process = subprocess.Popen(["bash", "-c", f"exec {command}"], stdout=-1, stderr=-2, start_new_session=True)
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    printed, end = "", time.monotonic() + LIMIT
    while text not in printed and time.monotonic() < end and process.poll() is None:
        printed += (process.stdout.read() or b"").decode()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=LIMIT)
    printed += (rest or b"").decode()
    if not re.search(re.escape(text), printed):
        raise Differs(f"{command!r} has not printed {text!r}:\n{printed}")
    return printed


def main(steps: list[Step]) -> None:
    session = Session()
    for step in steps:
        try:
            session.run(step)
        except Exception as error:
            said = str(error) if isinstance(error, Differs) else traceback.format_exc()
            sys.exit(f"{step['place']}: {said}")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
