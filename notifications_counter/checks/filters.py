"""Checks of the values in filters that each of them could be, and that is hardly what was meant."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from ..declaration.conditions import column, comparison, leaves
from ..declaration.counter import CounterDeclaration
from ..exceptions import quoted

#: What functions are called that tell the time.
CLOCKS = {"now", "today", "localdate", "localtime", "utcnow"}

#: Nobody writes a moment with a part of a second, but the last one of a day.
WRITTEN = {0, 999_000, 999_999}

#: So near to the moment of the declaration, or whole hours away from it, is one that lost such a part.
SECONDS, HOUR = timedelta(seconds=2), timedelta(hours=1)

HINT = (
    'Let a job set a column, and compare with that: the page "Counts that depend on the clock" of the documentation'
    " shows how. If a constant is meant, write it without a part of a second, or silence this check."
)


def check_values(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[CheckMessage]:
    """The values of a filter with which nothing else is wrong."""
    compared = [(name, lookup, value, column(source, name)) for name, lookup, value in leaves(counter.filter)]
    yield from _check_moments(counter, compared)
    for name, lookup, value, field in compared:
        yield from _check_choices(counter, comparison(name, lookup, value), _listed(lookup, value), field)


def _listed(lookup: str, value: Any) -> list[Any]:
    return list(value) if lookup == "in" else [] if lookup == "isnull" else [value]


# Moments


def _check_moments(counter: CounterDeclaration, compared: list[tuple[str, str, Any, Any]]) -> Iterator[CheckMessage]:
    """A moment worked out when a process started stays what it is, and is another one in each process."""
    moments = [one for one in compared if isinstance(one[3], models.DateField | models.TimeField)]
    if not moments:
        return
    written = _clock_in_code(counter)
    for name, lookup, value, field in moments:
        said = comparison(name, lookup, value)
        values = [_converted(field, one) for one in _listed(lookup, value)]
        if written or any(_is_worked_out(one, counter.declared_at) for one in values):
            why = f" by {written}" if written else ""
            sentence = f"filter: {said} was worked out{why} when this process started, and stays that moment."
            yield Error(f"{counter.label}: {sentence}", hint=HINT, obj=counter.model, id="notifications_counter.E062")
        elif any(_is_today(one, counter.declared_at) for one in values):
            sentence = f"filter: {said} is today. If the clock says so, it was asked when this process started."
            yield Warning(f"{counter.label}: {sentence}", hint=HINT, obj=counter.model, id="notifications_counter.W060")


def _converted(field: models.Field[Any, Any], value: Any) -> Any:
    try:
        return field.to_python(value) if isinstance(value, str) else value
    except ValidationError:
        return value


def _is_worked_out(value: Any, declared_at: datetime) -> bool:
    if isinstance(value, datetime | time) and value.microsecond not in WRITTEN:
        return True
    if isinstance(value, datetime) and value.second not in (0, 59):
        away = _in_zone(declared_at, value) - value
        return min(away % HOUR, -away % HOUR) <= SECONDS
    return False


def _in_zone(moment: datetime, other: datetime) -> datetime:
    """A moment as another one is written, of which the zone may have been left out."""
    return timezone.make_naive(moment, timezone.get_default_timezone()) if other.tzinfo is None else moment


def _is_today(value: Any, declared_at: datetime) -> bool:
    days = {declared_at.astimezone(zone).date() for zone in (UTC, timezone.get_default_timezone())}
    if isinstance(value, datetime):
        return value.time() == time.min and value.date() in days
    return isinstance(value, date) and value in days


def _clock_in_code(counter: CounterDeclaration) -> str:
    """The call that asks a clock, in the code of the declaration; empty where there is none, or no code."""
    for kind in counter.model.__mro__:
        for node in _assigned(kind, counter.name):
            for call in ast.walk(node):
                name = getattr(call.func, "attr", getattr(call.func, "id", "")) if isinstance(call, ast.Call) else ""
                if name in CLOCKS:
                    return ast.unparse(call)
    return ""


def _assigned(kind: type[Any], name: str) -> Iterator[ast.expr]:
    """What the code of a class assigns to a name."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):  # made by a program, or its file is not there
        return
    for node in body.body if isinstance(body, ast.ClassDef) else ():
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(value, ast.expr) and any(isinstance(one, ast.Name) and one.id == name for one in targets):
            yield value


# Choices


def _check_choices(
    counter: CounterDeclaration, said: str, values: list[Any], field: models.Field[Any, Any]
) -> Iterator[CheckMessage]:
    choices = {choice for choice, _ in field.flatchoices or ()}
    if not choices:
        return
    strange = [one for one in values if one not in (None, "") and one not in choices]
    strange = [one for one in strange if _converted(field, one) not in choices]
    if strange:
        sentence = f"filter: {said}: {quoted(strange[0])} is none of the choices of {field.name!r}."
        hint = f"They are: {', '.join(map(quoted, sorted(choices, key=str)))}. No row that is written with them counts."
        yield Warning(f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id="notifications_counter.W061")
