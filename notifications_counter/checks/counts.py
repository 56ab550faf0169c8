"""Checks of what a count model's table may refuse: a flush sets the keys of such counts aside."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import Warning
from django.db import models

from ..declaration import conditions
from ..declaration.counter import CounterDeclaration


def check_room(counter: CounterDeclaration) -> Iterator[Warning]:
    """Counts that the field, or a constraint on it, cannot hold."""
    field = counter.field
    if isinstance(field, models.SmallIntegerField):
        sentence = f"{field.name!r} is a {type(field).__name__}, which holds no count above 32767."
        yield _warning(counter, sentence, "Make it a BigIntegerField.", 52)
    for constraint in counter.model._meta.constraints:
        if isinstance(constraint, models.CheckConstraint) and _reads(constraint, field):
            sentence = f"the constraint {constraint.name!r} may refuse counts: between two flushes one may be negative"
            hint = "Remove the constraint: the rows decide, and what is stored passes through any number."
            yield _warning(counter, f"{sentence}, or what the source cannot have.", hint, 53)


def _reads(constraint: models.CheckConstraint, field: models.Field[object, object]) -> bool:
    condition = constraint.condition
    if not isinstance(condition, models.Q):
        return False
    return any(name in (field.name, field.attname) for name, _, _ in conditions.leaves(condition))


def _warning(counter: CounterDeclaration, sentence: str, hint: str, number: int) -> Warning:
    return Warning(
        f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id=f"notifications_counter.W{number:03}"
    )
