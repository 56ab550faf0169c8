"""Searches, checked before a sink is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...conf import is_integer
from ...exceptions import quoted, unknown
from .bodies import value_of
from .exceptions import InvalidQuery, NotSupported
from .results import Query

if TYPE_CHECKING:
    from .declaration import SearchDeclaration
    from .sinks.base import SearchSink

#: The most hits that a page can have, and the last hit that can be asked for: what engines allow.
MOST, LAST = 1000, 10_000

#: What a filter can be made of beside a value and a list.
RANGE = ("gt", "gte", "lt", "lte")

WORDS = {
    "highlighting": "mark what was found",
    "typos": "find words with typing errors",
    "more_like": "find similar documents",
    "raw": "take a query in a language of its own",
}


def query(
    index: SearchDeclaration,
    text: str,
    filters: Mapping[str, Any],
    page: int,
    size: int,
    order: str | None,
    facets: Sequence[str],
) -> Query:
    """A search, with values as documents have them.

    Raises:
        InvalidQuery: a field, a value or the page is wrong.
    """
    if not isinstance(text, str):
        raise InvalidQuery(f"What is searched for must be a text, not {quoted(text)}.")
    refuse_size(index, size)
    if not is_integer(page) or page < 1:
        raise InvalidQuery(f"A page must be an integer of at least 1, not {quoted(page)}.")
    if page * size > LAST:
        raise InvalidQuery(f"Page {page} of {size} hits is beyond the first {LAST:,} hits. Narrow it by filters.")
    if order is not None:
        _exact_field(index, order.removeprefix("-"), "sort by")
    for name in facets:
        _exact_field(index, name, "count the values of")
    checked = {name: _filter(index, name, given) for name, given in filters.items()}
    return Query(text.replace("\0", " ").strip(), checked, page, size, order, tuple(facets))


def with_options(asked: Query, *, highlight: bool, typos: bool) -> Query:
    """The same, with what not every sink can do."""
    return replace(asked, highlight=highlight, typos=typos)


def refuse_size(index: SearchDeclaration, size: int) -> None:
    """Refuse a wrong number of hits.

    Raises:
        InvalidQuery: it is wrong.
    """
    if not is_integer(size) or not 1 <= size <= MOST:
        raise InvalidQuery(f"A page has from 1 to {MOST:,} hits, not {quoted(size)}.")


def refuse_unsupported(sink: SearchSink, using: str, **asked: bool) -> None:
    """Refuse what the sink cannot do.

    Raises:
        NotSupported: it is asked for.
    """
    for what, is_asked in asked.items():
        if is_asked and not sink.supports(what, using):
            raise NotSupported(f"{type(sink).__name__} cannot {WORDS[what]} on the database {using!r}.")


def _exact_field(index: SearchDeclaration, name: str, verb: str) -> None:
    _known(index, name)
    if index.fields[name].is_text:
        raise InvalidQuery(f"{index.label} cannot {verb} {quoted(name)}, a field of text: add one of kind 'keyword'.")


def _known(index: SearchDeclaration, name: str) -> None:
    if name not in index.fields:
        raise InvalidQuery(f"{index.label}: {unknown('field', name, list(index.fields))}")


def _filter(index: SearchDeclaration, name: str, given: Any) -> Any:
    _exact_field(index, name, "filter by")
    if isinstance(given, Mapping):
        return {bound: _value(index, name, value) for bound, value in _range(index, name, given).items()}
    if isinstance(given, list | tuple | set | frozenset):
        return [_value(index, name, value) for value in given]
    return None if given is None else _value(index, name, given)


def _range(index: SearchDeclaration, name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    for bound in given:
        if bound not in RANGE:
            raise InvalidQuery(f"{index.label}, {quoted(name)}: {unknown('bound', bound, RANGE)}")
    if not given or index.fields[name].kind not in ("number", "date"):
        raise InvalidQuery(f"{index.label}: a filter between bounds needs one, and a number or a date: {quoted(name)}.")
    return given


def _value(index: SearchDeclaration, name: str, given: Any) -> Any:
    if given is None or isinstance(given, Mapping | list | tuple | set):
        raise InvalidQuery(f"{index.label}: {quoted(given)} is no value to filter {quoted(name)} by.")
    try:
        return value_of(index, name, given)
    except ValueError as error:
        raise InvalidQuery(f"{index.label}: {error}, as {quoted(name)} needs it.") from error
