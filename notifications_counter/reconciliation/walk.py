"""A walk over all keys, in slices, that recounts each: the backfill, and what follows lost data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q

from ..applying.apply import apply_all
from ..buffers.recording import buffer_of
from ..compat.uncached import rows_of
from ..declaration.rows import counted_rows, keyed
from ..exceptions import RecountFailed, shown
from ..ledger import progress
from ..ledger.snapshot import BATCH, RecountResult, in_parts
from ..ledger.store import CounterStore
from ..ledger.tables import Progress
from .orphans import delete_orphans, owned
from .recount import recount

#: How the note begins that says how far a recount of all keys went: first the keys that have rows, then those that
#: have a count. Behind a colon it names the last key, which may be the empty text; without one that part begins.
SOURCE_KEYS, COUNT_KEYS = "rows", "counts"


def recount_next(store: CounterStore, limit: int = BATCH, begun: bool = False) -> list[RecountResult] | None:
    """Recount the next slice of all keys, and note how far it went. Several callers may take turns.

    Args:
        store: the counter, on one database alias.
        limit: how many keys.
        begun: whether the caller has taken part already: where another has reached the end, it ends too.

    Returns:
        What was found; None at the end of the table: all is backfilled then, and the next call begins anew.
    """
    row = progress.read(store.using, store.label, 0)
    store.refuse_other(row.declaration)
    noted = row.recounted_to
    if noted is None and begun:
        return None
    phase, after = place(noted)
    keys = next_keys(store, phase, after, limit)
    found = recount(store, owned(store, keys)) if keys else []
    if not keys and phase == SOURCE_KEYS:
        _store_pending_keys(store)
    elif not keys:
        delete_orphans(store)
    moved = _note(store, row, keys, phase)
    if noted is not None or not moved:  # else another walk may have come to its end meanwhile
        _refuse_to_stand_still(store, noted)
    return found if keys or phase == SOURCE_KEYS else None


def place(noted: str | None) -> tuple[str, str | None]:
    """Where a walk over all keys is that left this note: which part it walks over, and its last key, if it has any."""
    phase, colon, after = (noted or SOURCE_KEYS).partition(":")
    return phase, after if colon else None


def note_of(phase: str, key: str) -> str:
    """The note of a walk that has come to this key, in this part."""
    return f"{phase}:{key}"


def _note(store: CounterStore, row: Progress, keys: Sequence[str], phase: str) -> bool:
    """Note how far a walk is, unless it is elsewhere by now: another one went on, or it began anew.

    That it does after a loss, and where the declaration has changed.
    """
    values: dict[str, Any] = {"recounted_to": COUNT_KEYS}
    if keys:
        values = {"recounted_to": note_of(phase, keys[-1])}
    elif phase == COUNT_KEYS:
        values = {"recounted_to": None, "backfilled": True, "lost_at": None}
    old = {"recounted_to": row.recounted_to, "declaration": row.declaration}
    return progress.move(store.using, store.label, old, values)


def _refuse_to_stand_still(store: CounterStore, noted: str | None) -> None:
    """Stop where the note of how far the walk is stays what it was: it would begin at the same place for ever.

    Raises:
        RecountFailed: it does.
    """
    if progress.read(store.using, store.label, 0).recounted_to == noted:
        raise RecountFailed(
            f"{store.label}: a recount of all keys stands still, at {shown(noted or 'its start')}: it cannot note how"
            " far it is. Look for what keeps the table of the progress from being changed."
        )


def _store_pending_keys(store: CounterStore) -> None:
    """A key whose rows went before its turn may have nothing but pending deltas: applied, it is found by its count.

    Deltas that a writer has committed and not pushed yet are known by their intents.
    """
    intended = buffer_of(store).intended_keys(store)
    apply_all(store)
    recount(store, sorted(intended))


def all_keys(store: CounterStore, limit: int = BATCH) -> Iterator[Sequence[str]]:
    """Slices of all keys whose counts may be wrong: those with rows, with a count, with pending deltas."""
    yield from filter(
        None, (owned(store, keys) for keys in _walk(lambda after: next_keys(store, SOURCE_KEYS, after, limit)))
    )
    yield from _walk(lambda after: next_wrong_keys(store, after, limit))
    yield from in_parts(sorted(_without_rows(store, buffer_of(store).pending_keys(store))), limit)


def _walk(following: Callable[[str | None], list[str]]) -> Iterator[list[str]]:
    after = None
    while keys := following(after):
        yield keys
        after = keys[-1]


def _without_rows(store: CounterStore, keys: Iterable[str]) -> set[str]:
    """The keys that have neither rows nor a count."""
    left = set(keys)
    for part in in_parts(sorted(left)):
        snapshot = store.snapshot(part, count=True)
        left -= {key for key in part if key in snapshot.actual or snapshot.stored.get(key)}
    return left


def next_keys(store: CounterStore, phase: str, after: str | None, limit: int) -> list[str]:
    """The next keys of a walk over all: first those that have rows, then those that have a count."""
    if phase == SOURCE_KEYS:
        rows, names = keyed(store.counter, counted_rows(store.counter, store.using))
        return _after(store, rows, names, after, limit, is_near=len(names) > 1)
    # All of them: one whose rows were gone at its turn may have got new ones since.
    return _after(store, rows_of(store.counter.model, store.using), _pk_names(store), after, limit)


def next_wrong_keys(store: CounterStore, after: str | None, limit: int) -> list[str]:
    """The next keys that have a count and no rows."""
    names = _pk_names(store)
    rows, of_source = keyed(store.counter, counted_rows(store.counter, store.using))
    rows = rows.filter(**dict(zip(of_source, map(OuterRef, names), strict=True)))
    counts: models.QuerySet[Any] = rows_of(store.counter.model, store.using)
    counts = counts.exclude(**{store.counter.field.attname: 0}).filter(~Exists(rows))
    return _after(store, counts, names, after, limit)


def _pk_names(store: CounterStore) -> list[str]:
    return [part.column.attname for part in store.counter.keys.parts]


def _after(
    store: CounterStore,
    rows: models.QuerySet[Any],
    names: Sequence[str],
    after: str | None,
    limit: int,
    *,
    is_near: bool = False,
) -> list[str]:
    keys = store.counter.keys
    if after is not None:
        parts = zip(names, keys.parts, keys.split(after), strict=True)
        rows = rows.filter(_is_after([(name, part.value(text)) for name, part, text in parts]))
    found = list(_first(_near(rows, names[0], limit), names, limit)) if is_near else []
    found = found or list(_first(rows, names, limit))  # those that were near may be gone: only this is the end
    texts = [keys.text(key if keys.is_composite else key[0]) for key in found]
    if texts and texts[-1] == after:
        raise RecountFailed(
            f"{store.label}: a walk over all keys does not get past the key {shown(after)}, which the database calls"
            " greater than itself. The column must give back what it was given."
        )
    return texts


def _first(rows: models.QuerySet[Any], names: Sequence[str], limit: int) -> models.QuerySet[Any, Any]:
    return rows.order_by(*names).values_list(*names).distinct()[:limit]


def _near(rows: models.QuerySet[Any], name: str, limit: int) -> models.QuerySet[Any]:
    """Those whose first part of the key is at most that of the row so many rows on.

    They hold as many keys as are asked for, or fewer, and are found by an index that begins with that part: without an
    end, some databases would sort all rows that follow.
    """
    ends = rows.order_by(name).values_list(name, flat=True)[limit : limit + 1]
    return next((rows.filter(**{f"{name}__lte": end}) for end in ends), rows)


def _is_after(place: Sequence[tuple[str, Any]]) -> Q:
    """The condition that columns, compared one after the other, are greater than some values."""
    (name, value), *rest = place
    greater = Q(**{f"{name}__gt": value})
    # What an index can be searched by comes first.
    return Q(**{f"{name}__gte": value}) & (greater | Q(**{name: value}) & _is_after(rest)) if rest else greater


def number_of_keys(store: CounterStore) -> int:
    """How many keys a recount of all keys visits, for a progress bar: about twice those that have rows."""
    rows, names = keyed(store.counter, counted_rows(store.counter, store.using))
    return 2 * rows.order_by().values(*names).distinct().count()
