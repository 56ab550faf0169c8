"""What keeps the declaration of a search index from being understood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import models

from ...declaration.counter import CounterDeclaration
from ...exceptions import InvalidSettings, described, quoted, unknown

if TYPE_CHECKING:
    from .declaration import SearchDeclaration

#: Languages whose words are searched by their stems, where a sink has them.
LANGUAGES = (
    *("simple", "arabic", "danish", "dutch", "english", "finnish", "french", "german", "hungarian", "italian"),
    *("norwegian", "portuguese", "romanian", "russian", "spanish", "swedish", "turkish"),
)

#: What fields cannot be called: with that begins what a sink adds.
RESERVED = "nc_"


def problems(index: SearchDeclaration) -> list[str]:
    """A sentence for each mistake."""
    return list(_problems(index))


def _problems(index: SearchDeclaration) -> Iterator[str]:
    if not index.fields:
        yield "it has no fields."
    for name in index.fields:
        if name.startswith(RESERVED) or not name.isidentifier():
            yield f"a field cannot be called {quoted(name)}: take letters, digits and underscores, not 'nc_' in front."
    if index.language not in LANGUAGES:
        yield unknown("language", index.language, LANGUAGES)
    if index.capture not in ("signals", "triggers"):
        yield f"capture must be 'signals' or 'triggers', not {quoted(index.capture)}."
    yield from _of_relations(index)
    yield from _of_paths(index)


def _of_relations(index: SearchDeclaration) -> Iterator[str]:
    try:
        index.links()
    except LookupError as error:
        yield f"related: {described(error)}"
    except InvalidSettings as error:
        yield f"related: {described(error)}"


def _of_paths(index: SearchDeclaration) -> Iterator[str]:
    made_of: dict[str, Any] = (
        {} if index.is_custom else {name: one.source or name for name, one in index.fields.items()}
    )
    if isinstance(index.popularity, str):
        made_of["popularity"] = index.popularity
    elif index.popularity is not None and not isinstance(index.popularity, CounterDeclaration):
        yield f"popularity must be the name of a field or a counter, not {quoted(index.popularity)}."
    for name, path in made_of.items():
        yield from _of_path(index, name, path)
    if index.filter is not None:
        try:
            index.model._base_manager.filter(index.filter)
        except (FieldError, TypeError, ValueError) as error:
            yield f"filter: {described(error)}"


def _of_path(index: SearchDeclaration, name: str, path: str) -> Iterator[str]:
    here: type[models.Model] = index.model
    parts = path.split("__")
    for place, part in enumerate(parts):
        try:
            field: Any = here._meta.pk if part == "pk" else here._meta.get_field(part)
        except FieldDoesNotExist:
            if place < len(parts) - 1 or not hasattr(here, part):
                yield f"{quoted(name)}: {here._meta.label} has no field {quoted(part)}."
            return
        if place == len(parts) - 1:
            return
        if field.related_model is None:
            yield f"{quoted(name)}: {quoted(part)} of {here._meta.label} is no relation."
            return
        here = field.related_model
        if not _is_listed(index, here):
            yield (
                f"{quoted(name)} is made of {here._meta.label}, whose changes would not be seen: add it to related,"
                f" with the path {quoted('__'.join(parts[: place + 1]))}."
            )


def _is_listed(index: SearchDeclaration, model: type[models.Model]) -> bool:
    try:
        listed = index.related_models
    except LookupError:  # which is said by itself
        return True
    return any(issubclass(one, model._meta.concrete_model or model) for one in listed)
