"""The flush of the database buffer, against one statement typed by hand that does the same all at once.

    python -m benchmarks.flush_rows [--long]

That statement holds its locks until the last row is applied; the flush has a transaction for every chunk. Times are
those of one delta.
"""

from __future__ import annotations

from collections.abc import Iterator

from .environment import clean, execute, make_count_rows, start_anew, table
from .measure import Figure, once, take_turns, times_as_fast
from .report import run_alone

#: Deltas of a user.
EACH = 10

BY_HAND = """
WITH gone AS (DELETE FROM notifications_counter_delta WHERE counter = %s RETURNING key, amount)
INSERT INTO benchmarks_inrowscount AS c (user_id, unread_count)
SELECT key::integer, sum(amount) FROM gone GROUP BY 1 ORDER BY 1
ON CONFLICT (user_id) DO UPDATE SET unread_count = c.unread_count + EXCLUDED.unread_count
"""

FILL = """
INSERT INTO notifications_counter_delta (counter, key, amount)
SELECT %s, id::text, 1 FROM auth_user, generate_series(1, %s) ORDER BY hashint8(id + generate_series)
"""


def figures(at_scale: bool) -> Iterator[Figure]:
    from .models import InRowsCount

    users = start_anew(100_000 if at_scale else 3_000)
    make_count_rows(InRowsCount)
    deltas, rounds = EACH * len(users), 5 if at_scale else 3
    ours, theirs = once(lambda: flush(deltas), fill), once(by_hand, fill)
    measured = take_turns(rounds, lambda: ours() / deltas, lambda: theirs() / deltas)
    stored = set(InRowsCount.objects.values_list("unread_count", flat=True))
    assert stored == {2 * (rounds + 1) * EACH}, stored
    what = f"flush of {deltas:,} deltas of {len(users):,} users, database buffer"
    yield times_as_fast(what, "DELETE ... RETURNING into an upsert", measured, 0.9)


def fill() -> None:
    from notifications_counter.ledger.tables import Delta

    from .models import InRowsCount

    execute(FILL, InRowsCount.counter.label, EACH)
    clean(table(Delta))
    clean(table(InRowsCount))


def flush(deltas: int) -> None:
    from .models import InRowsCount

    flushed = InRowsCount.counter.flush()
    assert flushed.ok and flushed.amount == deltas, flushed


def by_hand() -> None:
    from .models import InRowsCount

    execute(BY_HAND, InRowsCount.counter.label)


if __name__ == "__main__":
    run_alone(figures, __doc__)
